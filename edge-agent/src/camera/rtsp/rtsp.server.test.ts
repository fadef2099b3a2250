/** RTSP cameras, against a real server: MediaMTX, to which ffmpeg publishes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { RtspServer, withoutRtspServer } from '../../../../hack/machine/rtsp-server.ts';
import { Certificates } from '../../../../hack/machine/certificates.ts';
import { Link } from '../../../../hack/machine/link.ts';
import { anywhere, CLIP, makeFolder, never, PASSWORD, readUntil, rejectsWith, USER, writeCredentials } from '../../fixtures/rtsp.ts';
import type { Camera } from '../camera.ts';
import type { PatienceOptions } from '../patience.ts';
import { rtspCamera } from './rtsp.ts';

const folder = makeFolder();

function cameraAt(url: string, patience?: PatienceOptions): Camera {
  return rtspCamera({ url, transport: 'tcp' }, anywhere, patience);
}

suite('an open camera', { skip: withoutRtspServer() }, () => {
  let server: RtspServer;
  before(async () => {
    server = await RtspServer.start();
  });
  after(() => server.stop());

  const codings: Record<string, { coding: string[]; fourcc: string }> = {
    'H.264': { coding: ['-c', 'copy'], fourcc: 'H264' },
    'H.264 of another size': {
      coding: ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10', '-vf', 'scale=320:180'],
      fourcc: 'H264',
    },
    'H.265': {
      coding: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:bframes=0:keyint=10', '-vf', 'scale=320:180'],
      fourcc: 'HEVC',
    },
    MJPEG: {
      coding: ['-c:v', 'mjpeg', '-huffman', 'default', '-force_duplicated_matrix', '1', '-pix_fmt', 'yuvj420p', '-vf', 'scale=320:184'],
      fourcc: 'MJPG',
    },
  };
  for (const [name, { coding, fourcc }] of Object.entries(codings)) {
    test(`gives ${name}`, async () => {
      const path = name.replaceAll(/\W/g, '');
      await server.publish(CLIP, { path, coding });
      const items = await readUntil(cameraAt(server.url(path)).read(never), (_, count) => count > 15);
      const codec = items[0]?.kind === 'codec' ? items[0].codec : undefined;
      assert.equal(codec?.fourcc, fourcc);
      assert.ok(items.some((item) => item.kind === 'unit' && item.unit.keyframe));
    });
  }

  test('that falls silent: CameraSilent', async (context) => {
    const publisher = await server.publish(CLIP, { path: 'silent' });
    context.after(() => publisher.kill('SIGCONT'));
    await rejectsWith('CameraSilent', cameraAt(server.url('silent'), { silenceSeconds: 1 }).read(never), (item) => {
      if (item.kind === 'unit') publisher.kill('SIGSTOP');
      return false;
    });
  });

  test('that is no longer needed is left by the signal, with its reason', async () => {
    await server.publish(CLIP, { path: 'left' });
    const controller = new AbortController();
    const reading = readUntil(cameraAt(server.url('left')).read(controller.signal), (item) => {
      if (item.kind === 'unit') controller.abort(new Error('enough'));
      return false;
    });
    await assert.rejects(reading, /enough/);
  });

  test('whose server stops in the middle: CameraLost, and CameraUnreachable after that', async (context) => {
    const mortal = await RtspServer.start();
    context.after(() => mortal.stop());
    await mortal.publish(CLIP);
    const camera = cameraAt(mortal.url());
    await rejectsWith('CameraLost', camera.read(never), async (item) => {
      if (item.kind === 'unit') await mortal.down();
      return false;
    });
    await rejectsWith('CameraUnreachable', camera.read(never));
  });
});

/** Forwards what a camera says, RTSP with RTP packets in between, and sets the packets' clock back. */
class ClockSetter {
  #rest = Buffer.alloc(0);
  /** Of 90 kHz. */
  ticks = 0;

  forward(bytes: Buffer): Buffer {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const forwarded: Buffer[] = [];
    for (let length = this.#whole(); length > 0; length = this.#whole()) {
      const piece = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      // On channel 0 is the video; bytes 4 to 7 of a packet are its time.
      if (piece[0] === INTERLEAVED && piece[1] === 0) piece.writeUInt32BE((piece.readUInt32BE(8) - this.ticks) >>> 0, 8);
      forwarded.push(piece);
    }
    return Buffer.concat(forwarded);
  }

  /** Bytes of what comes next: a packet with its head, or text up to one; 0 when it is not all there. */
  #whole(): number {
    if (this.#rest[0] !== INTERLEAVED) return this.#rest.includes(INTERLEAVED) ? this.#rest.indexOf(INTERLEAVED) : this.#rest.length;
    const length = this.#rest.length < 4 ? Infinity : 4 + this.#rest.readUInt16BE(2);
    return length <= this.#rest.length ? length : 0;
  }
}
const INTERLEAVED = 0x24;

test(
  'a camera that sets its clock back is connected again, or its time would stand still: CameraLost',
  { skip: withoutRtspServer() },
  async (context) => {
    const server = await RtspServer.start();
    context.after(() => server.stop());
    await server.publish(CLIP);
    const clock = new ClockSetter();
    const link = await Link.to(server.port, { alter: (bytes) => clock.forward(bytes) });
    context.after(() => link.close());
    const camera = cameraAt(`rtsp://${link.address}/door`);
    let seen = 0;
    await rejectsWith('CameraLost', camera.read(never), (_, count) => {
      seen = count;
      if (count === 15) clock.ticks = 20 * 90_000;
      return count > 60;
    });
    assert.ok(seen > 15, `${seen}`);
    await readUntil(camera.read(never), (_, count) => count > 15);
  },
);

test(
  'a camera over rtsps gives its access units, with any certificate, and the wire shows none of it',
  { skip: withoutRtspServer() },
  async (context) => {
    const { ofCounter: shown } = await Certificates.make(join(folder, 'certificates'));
    const server = await RtspServer.start({ username: USER, password: PASSWORD }, shown);
    context.after(() => server.stop());
    await server.publish(CLIP);
    const seen: Buffer[] = [];
    const link = await Link.to(server.securePort, { onBytes: (bytes) => seen.push(bytes) });
    context.after(() => link.close());
    const source = {
      url: `rtsps://${link.address}/door`,
      transport: 'tcp',
      credentialsDirectory: writeCredentials(folder, PASSWORD),
    } as const;
    const items = await readUntil(rtspCamera(source, anywhere).read(never), (_, count) => count > 15);
    assert.ok(items.some((item) => item.kind === 'unit' && item.unit.keyframe));
    const video = items.reduce((sum, item) => sum + (item.kind === 'unit' ? item.unit.data.length : 0), 0);
    const bytes = Buffer.concat(seen);
    assert.ok(bytes.length > video, `${bytes.length} bytes for ${video}: the video came this way`);
    assert.doesNotMatch(bytes.toString('latin1'), /RTSP|H264|realm/);
  },
);
