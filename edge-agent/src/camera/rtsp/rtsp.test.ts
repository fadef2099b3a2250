/** A real camera as far as the wire goes: MediaMTX, to which ffmpeg publishes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { withoutFfmpeg } from '../../../../hack/machine/ffmpeg.ts';
import { RtspServer, withoutRtspServer } from '../../../../hack/machine/rtsp-server.ts';
import { Certificates } from '../../../../hack/machine/certificates.ts';
import { Link } from '../../../../hack/machine/link.ts';
import type { CameraItem } from '../camera.ts';
import { CameraFault, type FaultReason } from '../faults.ts';
import { rtspCamera } from './rtsp.ts';

const CLIP = new URL('../../../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;
const USER = 'admin';
// Of the nasty characters, a colon is the one that MediaMTX does not take.
const PASSWORD = "p@ssw/rd%!'é";

const folder = mkdtempSync(join(tmpdir(), 'footfall-rtsp-'));
after(() => rmSync(folder, { recursive: true }));

function credentials(password: string): string {
  const directory = mkdtempSync(join(folder, 'secret-'));
  writeFileSync(join(directory, 'username'), USER);
  writeFileSync(join(directory, 'password'), `${password}\n`);
  return directory;
}

/** Reads until the condition holds, then leaves the camera. */
async function readUntil(
  items: AsyncIterable<CameraItem>,
  enough: (item: CameraItem, count: number) => boolean | Promise<boolean>,
): Promise<CameraItem[]> {
  const seen: CameraItem[] = [];
  for await (const item of items) {
    seen.push(item);
    if (await enough(item, seen.length)) break;
  }
  return seen;
}

function fault(reason: FaultReason): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof CameraFault, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, /^\S[^\n]*\.$/);
    assert.ok(!leaks(error.message));
    return true;
  };
}

function leaks(text: string): boolean {
  return [PASSWORD, encodeURIComponent(PASSWORD), 'p%40ssw%2Frd', 'wrong/word', 'wrong%2Fword'].some((spelling) => text.includes(spelling));
}

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

const never = new AbortController().signal;

suite('a camera with a password', { skip: withoutRtspServer() }, () => {
  let server: RtspServer;
  before(async () => {
    server = await RtspServer.start({ username: USER, password: PASSWORD });
    await server.publish(CLIP);
  });
  after(() => server.stop());

  test('gives codec and access units, and the password is in no process list', async () => {
    const camera = rtspCamera({ url: server.url(), transport: 'tcp', credentialsDirectory: credentials(PASSWORD) });
    let processes: string[] = [];
    const items = await readUntil(camera.read(never), (item, count) => {
      if (item.kind === 'unit') processes = processList();
      return count > 15;
    });
    const [first, ...rest] = items;
    assert.deepEqual(first?.kind === 'codec' && [first.codec.fourcc, first.codec.width, first.codec.height], ['H264', 768, 432]);
    assert.ok(rest.every((item) => item.kind === 'unit' && item.unit.data.length > 0));
    assert.ok(rest.some((item) => item.kind === 'unit' && item.unit.keyframe));
    assert.ok(
      processes.some((text) => text.includes('ffmpeg') && text.includes('concat')),
      'ffmpeg was looked at',
    );
    assert.deepEqual(processes.filter(leaks), []);
  });

  test('that is wrong: CameraUnauthorized', async () => {
    const camera = rtspCamera({ url: server.url(), transport: 'tcp', credentialsDirectory: credentials('wrong/word') });
    await assert.rejects(
      readUntil(camera.read(never), () => true),
      fault('CameraUnauthorized'),
    );
  });

  test('that is not given: CameraUnauthorized', async () => {
    await assert.rejects(
      readUntil(rtspCamera({ url: server.url(), transport: 'tcp' }).read(never), () => true),
      fault('CameraUnauthorized'),
    );
  });

  test('that was mended in the meantime is read anew at the next connect', async () => {
    const directory = credentials('wrong/word');
    const camera = rtspCamera({ url: server.url(), transport: 'tcp', credentialsDirectory: directory });
    await assert.rejects(
      readUntil(camera.read(never), () => true),
      fault('CameraUnauthorized'),
    );
    writeFileSync(join(directory, 'password'), PASSWORD);
    assert.equal((await readUntil(camera.read(never), (item) => item.kind === 'unit')).length, 2);
  });

  test('whose Secret lacks a key: CredentialsMissing', async () => {
    const directory = join(folder, 'empty');
    mkdirSync(directory);
    await assert.rejects(
      readUntil(rtspCamera({ url: server.url(), transport: 'tcp', credentialsDirectory: directory }).read(never), () => true),
      fault('CredentialsMissing'),
    );
  });

  test('without such a stream: CameraPathUnknown', async () => {
    const camera = rtspCamera({ url: server.url('window'), transport: 'tcp', credentialsDirectory: credentials(PASSWORD) });
    await assert.rejects(
      readUntil(camera.read(never), () => true),
      fault('CameraPathUnknown'),
    );
  });
});

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
      const items = await readUntil(rtspCamera({ url: server.url(path), transport: 'tcp' }).read(never), (_, count) => count > 15);
      const codec = items[0]?.kind === 'codec' ? items[0].codec : undefined;
      assert.equal(codec?.fourcc, fourcc);
      assert.ok(items.some((item) => item.kind === 'unit' && item.unit.keyframe));
    });
  }

  test('that falls silent: CameraSilent', async () => {
    const publisher = await server.publish(CLIP, { path: 'silent' });
    const camera = rtspCamera({ url: server.url('silent'), transport: 'tcp', silenceSeconds: 1 });
    try {
      await assert.rejects(
        readUntil(camera.read(never), (item) => {
          if (item.kind === 'unit') publisher.kill('SIGSTOP');
          return false;
        }),
        fault('CameraSilent'),
      );
    } finally {
      publisher.kill('SIGCONT');
    }
  });

  test('that nobody watches for is left by the signal, with its reason', async () => {
    await server.publish(CLIP, { path: 'left' });
    const controller = new AbortController();
    const reading = readUntil(rtspCamera({ url: server.url('left'), transport: 'tcp' }).read(controller.signal), (item) => {
      if (item.kind === 'unit') controller.abort(new Error('enough'));
      return false;
    });
    await assert.rejects(reading, /enough/);
  });

  test('whose server stops in the middle: CameraLost, and CameraUnreachable after that', async () => {
    await server.publish(CLIP, { path: 'gone' });
    const camera = rtspCamera({ url: server.url('gone'), transport: 'tcp' });
    await assert.rejects(
      readUntil(camera.read(never), async (item) => {
        if (item.kind === 'unit') await server.down();
        return false;
      }),
      fault('CameraLost'),
    );
    await assert.rejects(
      readUntil(camera.read(never), () => true),
      fault('CameraUnreachable'),
    );
    await server.up();
  });
});

/** Passes on what a camera says, RTSP with RTP packets in between, and sets the packets' clock back. */
class SettingBack {
  #rest = Buffer.alloc(0);
  /** Of 90 kHz. */
  ticks = 0;

  pass(bytes: Buffer): Buffer {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const passed: Buffer[] = [];
    for (let length = this.#whole(); length > 0; length = this.#whole()) {
      const piece = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      // On channel 0 is the video; bytes 4 to 7 of a packet are its time.
      if (piece[0] === INTERLEAVED && piece[1] === 0) piece.writeUInt32BE((piece.readUInt32BE(8) - this.ticks) >>> 0, 8);
      passed.push(piece);
    }
    return Buffer.concat(passed);
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
  'a camera that sets its clock back is connected to anew, for its time would stand still: CameraLost',
  { skip: withoutRtspServer() },
  async (context) => {
    const server = await RtspServer.start();
    await server.publish(CLIP);
    const clock = new SettingBack();
    const link = await Link.to(server.port, { alter: (bytes) => clock.pass(bytes) });
    context.after(async () => {
      await link.close();
      await server.stop();
    });
    const camera = rtspCamera({ url: `rtsp://${link.address}/door`, transport: 'tcp' });
    let seen = 0;
    const reading = readUntil(camera.read(never), (_, count) => {
      seen = count;
      if (count === 15) clock.ticks = 20 * 90_000;
      return count > 60;
    });
    await assert.rejects(reading, fault('CameraLost'));
    assert.ok(seen > 15, `${seen}`);
    await readUntil(camera.read(never), (_, count) => count > 15);
  },
);

suite('a camera over rtsps', { skip: withoutRtspServer() }, () => {
  test('gives its access units, whoever has certified it, and nothing of it is on the wire', async () => {
    const { ofCounter: shown } = await Certificates.make(join(folder, 'certificates'));
    const server = await RtspServer.start({ username: USER, password: PASSWORD }, shown);
    await server.publish(CLIP);
    const seen: Buffer[] = [];
    const link = await Link.to(server.securePort, { onBytes: (bytes) => seen.push(bytes) });
    try {
      const url = `rtsps://${link.address}/door`;
      const items = await readUntil(
        rtspCamera({ url, transport: 'tcp', credentialsDirectory: credentials(PASSWORD) }).read(never),
        (_, count) => count > 15,
      );
      assert.ok(items.some((item) => item.kind === 'unit' && item.unit.keyframe));
      const video = items.reduce((sum, item) => sum + (item.kind === 'unit' ? item.unit.data.length : 0), 0);
      const bytes = Buffer.concat(seen);
      assert.ok(bytes.length > video, `${bytes.length} bytes for ${video}: the video came this way`);
      assert.doesNotMatch(bytes.toString('latin1'), /RTSP|H264|realm/);
    } finally {
      await link.close();
      await server.stop();
    }
  });
});

suite('what is no camera', () => {
  /** A server that answers every request with this, or not at all. */
  async function answering(
    answer: string | undefined,
    heard: (request: string) => void = () => undefined,
  ): Promise<{ url: string; close: () => void }> {
    const sockets = new Set<{ destroy: () => void }>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('data', (data) => {
          heard(data.toString());
          if (answer !== undefined) socket.write(answer.replace('$CSEQ', /CSeq: (\d+)/.exec(data.toString())?.[1] ?? '0'));
        });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      url: `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/door`,
      close: () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  test('an address that accepts and says nothing: CameraUnreachable in time', async () => {
    const mute = await answering(undefined);
    await assert.rejects(
      readUntil(rtspCamera({ url: mute.url, transport: 'tcp', connectSeconds: 0.5 }).read(never), () => true),
      fault('CameraUnreachable'),
    );
    mute.close();
  });

  test('a web server: CameraUnreachable', async () => {
    const web = await answering('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    await assert.rejects(
      readUntil(rtspCamera({ url: web.url, transport: 'tcp', connectSeconds: 2 }).read(never), () => true),
      (error: unknown) => error instanceof CameraFault && error.reason === 'CameraUnreachable',
    );
    web.close();
  });

  test(
    'every character of user and password arrives, a colon too',
    { skip: withoutFfmpeg('RTSP by way of the concat demuxer') },
    async () => {
      const password = `${PASSWORD}:"\\ $&#?`;
      let authorization: string | undefined;
      const asking = await answering(
        'RTSP/1.0 401 Unauthorized\r\nCSeq: $CSEQ\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n',
        (request) => {
          authorization ??= /Authorization: Basic (\S+)/.exec(request)?.[1];
        },
      );
      const camera = rtspCamera({ url: asking.url, transport: 'tcp', credentialsDirectory: credentials(password) });
      await assert.rejects(
        readUntil(camera.read(never), () => true),
        fault('CameraUnauthorized'),
      );
      assert.equal(Buffer.from(authorization ?? '', 'base64').toString(), `${USER}:${password}`);
      asking.close();
    },
  );

  test(
    'a camera that sends its viewers to another address is not followed: CameraForbidden',
    { skip: withoutFfmpeg('RTSP by way of the concat demuxer') },
    async () => {
      let visits = 0;
      const other = await answering(undefined, () => (visits += 1));
      const sending = await answering(`RTSP/1.0 302 Moved Temporarily\r\nCSeq: $CSEQ\r\nLocation: ${other.url}\r\n\r\n`);
      await assert.rejects(
        readUntil(rtspCamera({ url: sending.url, transport: 'tcp', connectSeconds: 5 }).read(never), () => true),
        fault('CameraForbidden'),
      );
      assert.equal(visits, 0);
      sending.close();
      other.close();
    },
  );

  test('an address where no camera may be is not connected to: CameraForbidden', async () => {
    let visits = 0;
    const here = await answering(undefined, () => (visits += 1));
    const { port } = new URL(here.url);
    const networks = { allowed: [], cluster: ['10.96.0.0/16'] };
    for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', '169.254.169.254', '10.96.0.10', 'counter.footfall.svc']) {
      const camera = rtspCamera({ url: `rtsp://${host}:${port}/door`, transport: 'tcp', networks });
      await assert.rejects(
        readUntil(camera.read(never), () => true),
        fault('CameraForbidden'),
        host,
      );
    }
    assert.equal(visits, 0);
    here.close();
  });

  test('a host that nobody knows: CameraUnreachable', async () => {
    await assert.rejects(
      readUntil(rtspCamera({ url: 'rtsp://no-such-host.invalid/door', transport: 'tcp' }).read(never), () => true),
      fault('CameraUnreachable'),
    );
  });
});
