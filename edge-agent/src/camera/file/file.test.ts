/** Real files, good and bad, through the real ffmpeg. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type AccessUnit, type Codec, MAX_FRAME_BYTES } from '#proto/media/nut/nut.ts';
import { withoutFfmpeg } from '../../../../hack/machine/ffmpeg.ts';
import { CameraFault, type FaultReason } from '../faults.ts';
import { fileCamera } from './file.ts';

const CLIP = new URL('../../../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;
const PICTURES = 60;
const never = new AbortController().signal;

const folder = mkdtempSync(join(tmpdir(), 'footfall-files-'));
after(() => rmSync(folder, { recursive: true }));

function encode(name: string, ...options: string[]): string {
  const path = join(folder, name);
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', CLIP, '-map', '0:v:0', '-frames:v', String(PICTURES), ...options, path]);
  return path;
}

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Makes a copy that lacks the second half. */
function halve(path: string): string {
  const half = write(`half-${path.slice(folder.length + 1)}`, readFileSync(path));
  truncateSync(half, Math.floor(statSync(path).size / 2));
  return half;
}

/** Overwrites 20,000 bytes in the middle. */
function scratch(path: string): string {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(20_000, 0xa5), 0, 20_000, Math.floor(statSync(path).size / 2));
  closeSync(file);
  return path;
}

async function read(url: string): Promise<{ codec: Codec | undefined; units: AccessUnit[]; verdict: CameraFault | undefined }> {
  const camera = fileCamera({ url });
  let codec: Codec | undefined;
  const units: AccessUnit[] = [];
  for await (const item of camera.read(never)) {
    if (item.kind === 'codec') codec = item.codec;
    else if (item.kind === 'unit') units.push(item.unit);
  }
  return { codec, units, verdict: camera.verdict?.() };
}

suite('a file of every kind is read to its end', () => {
  const kinds: Record<string, { options: string[]; fourcc: string }> = {
    'clip.mp4': { options: ['-c', 'copy'], fourcc: 'avc1' },
    'clip.mkv': { options: ['-c', 'copy'], fourcc: 'H264' },
    'clip.ts': { options: ['-c', 'copy'], fourcc: 'H264' },
    'h265.mp4': {
      options: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error', '-vf', 'scale=320:180'],
      fourcc: 'HEVC',
    },
    'mjpeg.avi': { options: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-vf', 'scale=320:180'], fourcc: 'MJPG' },
    'msmpeg4.avi': { options: ['-c:v', 'msmpeg4', '-vf', 'scale=320:180'], fourcc: 'MP43' },
    'mpeg4-with-b-frames.avi': { options: ['-c:v', 'mpeg4', '-bf', '2', '-vf', 'scale=320:180'], fourcc: 'FMP4' },
  };
  for (const [name, { options, fourcc }] of Object.entries(kinds)) {
    test(name, async () => {
      const { codec, units, verdict } = await read(encode(name, ...options));
      assert.equal(codec?.fourcc.toLowerCase().replace('hev1', 'hevc'), fourcc.toLowerCase());
      assert.equal(units.length, PICTURES);
      assert.ok(units[0]?.keyframe);
      const times = units.map((unit) => unit.presentationMicros).toSorted((one, other) => one - other);
      assert.deepEqual(
        times.slice(1).map((time, index) => Math.round((time - (times[index] ?? 0)) / 1000)),
        Array(PICTURES - 1).fill(100),
      );
      assert.equal(verdict, undefined);
    });
  }

  test('twice the same', async () => {
    const path = encode('twice.mp4', '-c', 'copy');
    assert.deepEqual(await read(path), await read(path));
  });

  test('by a URL, and by a name that looks like something else', async () => {
    const path = encode('a clip: 100% #1?.mp4', '-c', 'copy');
    assert.equal((await read(pathToFileURL(path).href)).units.length, PICTURES);
    assert.equal((await read(`file://${path}`)).units.length, PICTURES);
    assert.equal((await read(path)).units.length, PICTURES);
  });
});

suite('a file that is damaged', () => {
  for (const name of ['clip.mp4', 'clip.mkv', 'msmpeg4.avi']) {
    const skip = name.endsWith('.mkv') && withoutFfmpeg('tells that a Matroska file is cut short');
    test(`${name} without its second half is read to there, and is FileCutShort`, { skip }, async () => {
      const fast = name.endsWith('.mp4') ? ['-movflags', '+faststart'] : [];
      const coding = name.endsWith('.avi') ? ['-c:v', 'msmpeg4', '-vf', 'scale=320:180'] : ['-c', 'copy'];
      const { units, verdict } = await read(halve(encode(name, ...coding, ...fast)));
      assert.ok(units.length > 10 && units.length < PICTURES, `${units.length} units`);
      assert.equal(verdict?.reason, 'FileCutShort');
    });
  }

  test('H.264 with a scratch is FileCutShort', { skip: withoutFfmpeg('tells of damaged H.264') }, async () => {
    const { units, verdict } = await read(scratch(encode('scratch.mp4', '-c', 'copy', '-movflags', '+faststart')));
    assert.equal(units.length, PICTURES);
    assert.equal(verdict?.reason, 'FileCutShort');
  });

  test('a picture above the size limit ends the reading there: FileCutShort', async () => {
    const jpeg = (options: string[]) =>
      execFileSync('ffmpeg', ['-v', 'error', ...options, '-frames:v', '1', '-q:v', '1', '-f', 'image2pipe', '-c:v', 'mjpeg', '-'], {
        maxBuffer: 2 ** 26,
      });
    const small = jpeg(['-i', CLIP]);
    const noise = jpeg(['-f', 'rawvideo', '-pix_fmt', 'yuvj444p', '-s', '3000x3000', '-i', '/dev/urandom']);
    assert.ok(noise.length > MAX_FRAME_BYTES);
    const { units, verdict } = await read(write('large.mjpeg', Buffer.concat([small, small, noise, small])));
    assert.equal(units.length, 2);
    assert.equal(verdict?.reason, 'FileCutShort');
    assert.match(verdict.message, /large\.mjpeg cannot be read to its end: a frame of \d+ bytes is larger than/);
  });
});

suite('a file that cannot be read', () => {
  const cases: Record<string, { path: () => string; reason: FaultReason }> = {
    'that is not there': { path: () => join(folder, 'nothing.mp4'), reason: 'FileMissing' },
    'that is empty': { path: () => write('empty.mp4', ''), reason: 'FileEmpty' },
    'of text': { path: () => write('text.mp4', 'People counted by hand: 12.\n'.repeat(50)), reason: 'NotAVideo' },
    'of noise': {
      path: () => write('noise.avi', Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251))),
      reason: 'NotAVideo',
    },
    'whose index is gone with its end': { path: () => halve(encode('index-last.mp4', '-c', 'copy')), reason: 'NotAVideo' },
    'of sound alone': {
      path: () => {
        const path = join(folder, 'sound.m4a');
        execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'sine=duration=1', path]);
        return path;
      },
      reason: 'NoVideoStream',
    },
    'that is a folder': {
      path: () => {
        const path = join(folder, 'folder.mp4');
        mkdirSync(path);
        return path;
      },
      reason: 'NotAVideo',
    },
    // A playlist is text that leads elsewhere: to the network, or to any file.
    'that leads to the network': {
      path: () => write('list.m3u8', '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n'),
      reason: 'NotAVideo',
    },
  };
  for (const [name, { path, reason }] of Object.entries(cases)) {
    test(`${name}: ${reason}`, async () => {
      const file = path();
      await assert.rejects(read(file), (error: unknown) => {
        assert.ok(error instanceof CameraFault, String(error));
        assert.equal(error.reason, reason, error.message);
        assert.ok(error.badInput);
        assert.ok(error.message.includes(file) && /^[^\n]*\.$/.test(error.message), error.message);
        return true;
      });
    });
  }
});

suite('the reader', () => {
  test('that leaves early leaves no process behind, and can read again', async () => {
    const camera = fileCamera({ url: CLIP });
    for (let round = 0; round < 3; round++) {
      for await (const item of camera.read(never)) if (item.kind === 'unit') break;
    }
    assert.equal(camera.verdict?.(), undefined);
  });

  test('that is stopped by its signal gets the reason', async () => {
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (const item of fileCamera({ url: CLIP }).read(controller.signal))
        if (item.kind === 'unit') controller.abort(new Error('enough'));
    }, /enough/);
  });
});
