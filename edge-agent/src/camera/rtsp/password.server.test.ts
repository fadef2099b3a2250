/** A camera with a password, against a real RTSP server: MediaMTX, to which ffmpeg publishes. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { RtspServer, withoutRtspServer } from '../../../../hack/machine/rtsp-server.ts';
import {
  anywhere,
  CLIP,
  leaks,
  makeFolder,
  never,
  PASSWORD,
  readUntil,
  rejectsWith,
  USER,
  WRONG_PASSWORD,
  writeCredentials,
} from '../../fixtures/rtsp.ts';
import { rtspCamera } from './rtsp.ts';

const folder = makeFolder();

/** Command lines and environments of every process but this one and the thread that looks. */
function processList(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.flatMap((pid) =>
    ['cmdline', 'environ'].map((file) => {
      try {
        return `${file} ${readFileSync(`/proc/${pid}/${file}`, 'utf8')}`;
      } catch {
        return '';
      }
    }),
  );
}

suite('a camera with a password', { skip: withoutRtspServer() }, () => {
  let server: RtspServer;
  const camera = (credentialsDirectory?: string, url = server.url()) =>
    rtspCamera({ url, transport: 'tcp', credentialsDirectory }, anywhere);
  before(async () => {
    server = await RtspServer.start({ username: USER, password: PASSWORD });
    await server.publish(CLIP);
  });
  after(() => server.stop());

  test('gives codec and access units, and the password is in no process list', async () => {
    let processes: string[] = [];
    const items = await readUntil(camera(writeCredentials(folder, PASSWORD)).read(never), (item, count) => {
      if (item.kind === 'unit') processes = processList();
      return count > 15;
    });
    const [first, ...rest] = items;
    assert.deepEqual(first?.kind === 'codec' && [first.codec.fourcc, first.codec.width, first.codec.height], ['H264', 768, 432]);
    assert.ok(rest.every((item) => item.kind === 'unit' && item.unit.data.length > 0));
    assert.ok(rest.some((item) => item.kind === 'unit' && item.unit.keyframe));
    assert.ok(
      processes.some((text) => text.includes('ffmpeg') && text.includes('concat')),
      'the list has ffmpeg',
    );
    assert.deepEqual(processes.filter(leaks), []);
  });

  test('that is wrong: CameraUnauthorized', async () => {
    await rejectsWith('CameraUnauthorized', camera(writeCredentials(folder, WRONG_PASSWORD)).read(never));
  });

  test('that is not given: CameraUnauthorized', async () => {
    await rejectsWith('CameraUnauthorized', camera().read(never));
  });

  test('that is corrected between two connections is read again at the second', async () => {
    const directory = writeCredentials(folder, WRONG_PASSWORD);
    const corrected = camera(directory);
    await rejectsWith('CameraUnauthorized', corrected.read(never));
    writeFileSync(join(directory, 'password'), PASSWORD);
    assert.equal((await readUntil(corrected.read(never), (item) => item.kind === 'unit')).length, 2);
  });

  test('whose Secret lacks a key: CredentialsMissing', async () => {
    const directory = join(folder, 'empty');
    mkdirSync(directory);
    await rejectsWith('CredentialsMissing', camera(directory).read(never));
  });

  test('without such a stream: CameraPathUnknown', async () => {
    await rejectsWith('CameraPathUnknown', camera(writeCredentials(folder, PASSWORD), server.url('window')).read(never));
  });
});
