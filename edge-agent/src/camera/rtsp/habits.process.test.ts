/** Cameras of the field and their habits: what the agent reads of each, by real ffmpeg. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test, type TestContext } from 'node:test';
import { type AccessUnit, encodeForCamera } from '../../../../hack/machine/annex-b.ts';
import { withoutFfmpeg } from '../../../../hack/machine/ffmpeg.ts';
import { type Habits, RtspCamera } from '../../../../hack/machine/rtsp-camera.ts';
import type { Login } from '../../../../hack/machine/rtsp-login.ts';
import { anywhere, CLIP, leaks, makeFolder, never, PASSWORD, readUntil, rejectsWith, USER } from '../../fixtures/rtsp.ts';
import type { CameraItem, CameraSource } from '../camera.ts';
import type { PatienceOptions } from '../patience.ts';
import { rtspCamera } from './rtsp.ts';

const folder = makeFolder();
const ASKED = 15;
let clip: AccessUnit[];
before(async () => (clip = await encodeForCamera(CLIP, { seconds: 5, keyframeEvery: 10 })));

async function start(context: TestContext, habits: Habits, units = clip): Promise<RtspCamera> {
  const camera = await RtspCamera.start(units, habits);
  context.after(() => camera.stop());
  return camera;
}

function secret(files: Record<string, string | Buffer>): string {
  const directory = mkdtempSync(join(folder, 'secret-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

const readFrom = (camera: RtspCamera, source: Partial<CameraSource> = {}, patience: PatienceOptions = {}) =>
  rtspCamera({ url: camera.url(), transport: 'tcp', ...source }, anywhere, { connectSeconds: 5, silenceSeconds: 3, ...patience }).read(
    never,
  );

const isUnit = (item: CameraItem) => item.kind === 'unit';
const isKeyframe = (item: CameraItem) => item.kind === 'unit' && item.unit.keyframe;
const remarksOf = (items: CameraItem[]) => items.flatMap((item) => (item.kind === 'remark' ? [item.fault?.reason] : []));

/** Reads some pictures, and their times are those of 10 a second. */
async function isRead(camera: RtspCamera, source: Partial<CameraSource> = {}): Promise<CameraItem[]> {
  const items = await readUntil(readFrom(camera, source), (_, count) => count > ASKED);
  const times = items.flatMap((item) => (item.kind === 'unit' ? [item.unit.presentationMicros] : []));
  assert.ok(items.some(isKeyframe));
  for (const [index, time] of times.entries()) {
    if (index > 0) assert.ok(Math.abs(time - times[index - 1]! - 100_000) < 1000, times.join());
  }
  return items;
}

suite('a camera', { skip: withoutFfmpeg('RTSP by way of the concat demuxer'), concurrency: 2, timeout: 120_000 }, () => {
  const login = (schemes: Login['schemes'], more: Partial<Login> = {}): Habits => ({
    login: { username: USER, password: PASSWORD, schemes, ...more },
  });
  const digests: Record<string, Habits> = {
    'digest with SHA-256 only': login(['SHA-256']),
    'digest with SHA-256 for a session': login(['SHA-256-sess']),
    'digest with MD5 for a session': login(['MD5-sess']),
    'digest with MD5, as of old': login(['MD5'], { qop: false }),
    'basic, MD5 or SHA-256': login(['Basic', 'MD5', 'SHA-256']),
    'digest whose nonces are good for one request': login(['SHA-256'], { nonceUses: 1 }),
    basic: login(['Basic']),
  };
  for (const [name, habits] of Object.entries(digests)) {
    test(`that asks for ${name} is read, and with a wrong password it is told so`, async (context) => {
      const camera = await start(context, habits);
      await isRead(camera, { credentialsDirectory: secret({ username: USER, password: PASSWORD }) });
      assert.ok(!leaks(camera.requests.join()));
      const asked = camera.requests.length;
      const wrong = { credentialsDirectory: secret({ username: USER, password: 'wrong/word' }) };
      await rejectsWith('CameraUnauthorized', readFrom(camera, wrong));
      assert.ok(camera.requests.length - asked <= 4, 'a wrong password is tried once: cameras lock their users out');
    });
  }

  test('that asks for a login that nobody knows: CameraUnauthorized, with what to set', async (context) => {
    const camera = await start(context, login(['SHA-1' as 'MD5']));
    const source = { credentialsDirectory: secret({ username: USER, password: PASSWORD }) };
    await assert.rejects(readUntil(readFrom(camera, source), isUnit), /\(Digest SHA-1\): set its authentication to digest\.$/);
  });

  for (const [name, encode] of Object.entries({
    'a byte order mark': (text: string) => Buffer.from(`\ufeff${text}\r\n`),
    'UTF-16, as of Windows': (text: string) => Buffer.from(`\ufeff${text}\r\n`, 'utf16le'),
    'UTF-16, big end first': (text: string) => Buffer.from(`\ufeff${text}\n`, 'utf16le').swap16(),
  })) {
    test(`whose Secret has ${name} is read`, async (context) => {
      const camera = await start(context, login(['MD5']));
      await isRead(camera, { credentialsDirectory: secret({ username: encode(USER), password: encode(PASSWORD) }) });
    });
  }

  test('that takes user and password in its path and query only is read, and they show nowhere', async (context) => {
    const path = `/user=${encodeURIComponent(USER)}_password=${encodeURIComponent(PASSWORD)}.sdp?pin=${encodeURIComponent(PASSWORD)}`;
    const camera = await start(context, { path });
    const url = camera.url('/user={username}_password={password}.sdp?pin={password}');
    await isRead(camera, { url, credentialsDirectory: secret({ username: USER, password: `${PASSWORD}\n` }) });
    const wrong = { username: USER, password: 'wrong/word' };
    await rejectsWith('CameraPathUnknown', readFrom(camera, { url, credentialsDirectory: secret(wrong) }));
    await rejectsWith('CredentialsMissing', readFrom(camera, { url, credentialsDirectory: secret({ username: USER }) }));
  });

  test('that answers to its own host and port only is asked by them, in its login, too', async (context) => {
    const camera = await start(context, login(['SHA-256']));
    camera.habits = { ...camera.habits, knownAs: camera.host };
    await isRead(camera, { credentialsDirectory: secret({ username: USER, password: PASSWORD }) });
    assert.ok(
      camera.requests.every((line) => line.includes(camera.host)),
      camera.requests.join('\n'),
    );
  });

  for (const parameterSets of ['description', 'stream'] as const) {
    test(`whose keyframes are far apart is waited for, and told of (SPS and PPS in the ${parameterSets})`, async (context) => {
      const sparse = await encodeForCamera(CLIP, { seconds: 7, keyframeEvery: 1000 });
      // A decoder needs them with the keyframe.
      const habits: Habits = { from: 10, parameterSets: parameterSets === 'stream' ? 'stream' : 'both' };
      const camera = await start(context, habits, sparse);
      const items = await readUntil(readFrom(camera, {}, { connectSeconds: 2, silenceSeconds: 2 }), isKeyframe);
      assert.deepEqual(remarksOf(items), ['CameraNoKeyframe', undefined]);
      assert.equal(camera.viewers, 1);
    });
  }

  test('that sends nothing after PLAY cannot be told from one that is away', async (context) => {
    const camera = await start(context, { silentAfter: 0 });
    await rejectsWith('CameraUnreachable', readFrom(camera, {}, { connectSeconds: 1 }));
  });

  test('whose video does not arrive over UDP: the sentence says so', async (context) => {
    const camera = await start(context, { silentAfter: 0 });
    await rejectsWith('CameraSilent', readFrom(camera, { transport: 'udp' }, { connectSeconds: 1 }));
  });

  test('with two videos: the first is read, and that is said', async (context) => {
    const camera = await start(context, { tracks: ['video', 'second video'] });
    assert.deepEqual(remarksOf(await isRead(camera)), ['CameraSeveralVideos']);
    assert.equal(camera.requests.filter((line) => line.startsWith('SETUP')).length, 1);
  });

  const fine: Record<string, Habits> = {
    'lists sound and metadata before its video': { tracks: ['metadata', 'audio', 'video'] },
    'leaves a few bytes after each packet': { litter: { bytes: 6 } },
    'leaves any bytes after each packet': { litter: { bytes: 3, anyBytes: true } },
    'sends packets of a channel that nobody asked for': { foreignPackets: true },
    'reports its clock': { senderReports: true },
    'has a clock that wraps': { firstTimestamp: 2 ** 32 - 60_000 },
  };
  for (const [name, habits] of Object.entries(fine)) {
    test(`that ${name} is read`, async (context) => {
      await isRead(await start(context, habits));
    });
  }

  test('that refuses the first viewers, and boots again, is read by the next', async (context) => {
    const camera = await start(context, { refuses: { method: 'SETUP', status: '453 Not Enough Bandwidth', viewers: 1 } });
    await rejectsWith('CameraRefused', readFrom(camera));
    camera.habits = { refuses: { method: 'PLAY', status: '503 Service Unavailable', viewers: 2 } };
    await rejectsWith('CameraRefused', readFrom(camera));
    await rejectsWith('CameraLost', readFrom(camera), (item) => {
      if (isUnit(item)) camera.cut();
      return false;
    });
    await isRead(camera);
  });

  test('that sends its viewers elsewhere is not followed: CameraForbidden', async (context) => {
    const camera = await start(context, { redirectsTo: 'rtsp://169.254.169.254/door' });
    await rejectsWith('CameraForbidden', readFrom(camera));
  });

  test('whose packets are lost over UDP is read on', async (context) => {
    const camera = await start(context, { loss: 0.02 });
    const items = await readUntil(readFrom(camera, { transport: 'udp' }), (_, count) => count > 2 * ASKED);
    assert.ok(items.filter(isKeyframe).length >= 2);
  });
});
