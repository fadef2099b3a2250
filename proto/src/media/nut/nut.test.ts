import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, suite, test } from 'node:test';
import * as fc from 'fast-check';
import { withoutFfmpeg } from '../../../../hack/machine/ffmpeg.ts';
import type { AccessUnit, Codec } from './nut.ts';
import { FUZZ } from '../../wire/fixtures/fuzz.ts';
import { FILE_ID, MAX_FRAME_BYTES, NutError, START_CODE } from './nut.ts';
import { NutParser, readNut } from './reader.ts';
import { nutFrameHead, nutHeader } from './writer.ts';

const CLIP = new URL('../../../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;

const plain = { noNullPrototype: true };
const codecs: fc.Arbitrary<Codec> = fc.record(
  {
    fourcc: fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    privateData: fc.uint8Array({ maxLength: 6000, size: 'max' }),
    width: fc.integer({ min: 1, max: 65_535 }),
    height: fc.integer({ min: 1, max: 65_535 }),
    decodeDelay: fc.integer({ min: 0, max: 999 }),
  },
  plain,
);
const units: fc.Arbitrary<AccessUnit[]> = fc.array(
  fc.record(
    {
      presentationMicros: fc.maxSafeNat().map((micros) => Math.min(micros, Number.MAX_SAFE_INTEGER - 1)),
      keyframe: fc.boolean(),
      data: fc.uint8Array({ maxLength: 5000 }),
    },
    plain,
  ),
  { maxLength: 8 },
);

function written(codec: Codec, frames: AccessUnit[]): Buffer {
  return Buffer.concat([nutHeader(codec), ...frames.flatMap((unit) => [nutFrameHead(unit), unit.data])]);
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: AsyncIterable<Uint8Array>): Promise<{ codec: Codec; units: AccessUnit[] }> {
  const stream = await readNut(bytes);
  return { codec: stream.codec, units: await Array.fromAsync(stream.units, (unit) => ({ ...unit, data: Uint8Array.from(unit.data) })) };
}

function clipAsNut(...options: string[]): Buffer {
  return execFileSync('ffmpeg', ['-v', 'error', '-i', CLIP, '-map', '0:v:0', '-frames:v', '60', ...options, '-f', 'nut', 'pipe:1'], {
    maxBuffer: 2 ** 26,
  });
}

/** Time and checksum of every picture that ffmpeg makes of it. */
function decoded(input: Buffer): string {
  return execFileSync('ffmpeg', ['-v', 'fatal', '-i', 'pipe:0', '-copyts', '-f', 'framemd5', 'pipe:1'], { input, encoding: 'utf8' });
}

/** Reads as far as it goes; anything but a NutError fails the test. */
async function survive(bytes: Uint8Array, size: number): Promise<void> {
  try {
    const { units: frames } = await read(inChunks(bytes, size));
    assert.ok(frames.every((unit) => unit.data.length <= MAX_FRAME_BYTES && Number.isSafeInteger(unit.presentationMicros)));
  } catch (error) {
    if (!(error instanceof NutError)) throw error;
  }
}

suite('what we write', () => {
  test('we read back the same, however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(codecs, units, fc.integer({ min: 1, max: 9000 }), async (codec, frames, size) => {
        assert.deepEqual(await read(inChunks(written(codec, frames), size)), { codec, units: frames });
      }),
    );
  });

  test('a frame is handed on with its last byte, without a look at the next', async () => {
    const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 64, height: 48, decodeDelay: 0 };
    const unit = { presentationMicros: 123_456_789, keyframe: true, data: Buffer.alloc(300, 7) };
    const parser = new NutParser();
    const bytes = written(codec, [unit]);
    parser.push(bytes.subarray(0, -1));
    assert.deepEqual(parser.readCodec(), codec);
    assert.equal(parser.readUnit(), undefined);
    parser.push(bytes.subarray(-1));
    assert.deepEqual(parser.readUnit(), unit);
    parser.end();
  });

  test('headers repeated in the middle change nothing', async () => {
    const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 64, height: 48, decodeDelay: 0 };
    const first = { presentationMicros: 0, keyframe: true, data: Buffer.from([1, 2, 3]) };
    const second = { ...first, presentationMicros: 40_000 };
    const repeated = nutHeader({ ...codec, width: 128 }).subarray(FILE_ID.length);
    const bytes = Buffer.concat([written(codec, [first]), repeated, nutFrameHead(second), second.data]);
    assert.deepEqual(
      (await read(inChunks(bytes, 7))).units.map((unit) => unit.presentationMicros),
      [0, 40_000],
    );
  });

  test('for an old ffmpeg, times beyond 32 bits are those of syncpoints', async () => {
    const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 64, height: 48, decodeDelay: 0 };
    const times = [0, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 7_777_777_777_777];
    const heads = times.map((presentationMicros) => nutFrameHead({ presentationMicros, keyframe: true, data: Buffer.from([1]) }, true));
    const bytes = Buffer.concat([nutHeader(codec), ...heads.flatMap((head) => [head, Buffer.from([1])])]);
    assert.deepEqual(
      (await read(inChunks(bytes, 7))).units.map((unit) => unit.presentationMicros),
      times,
    );
    assert.deepEqual(
      heads.map((head) => head.includes(START_CODE.syncpoint)),
      [false, false, true, true, true],
    );
  });

  test('a presentation time that is no whole microsecond from 0 is refused', () => {
    for (const presentationMicros of [-1, 0.5, Number.NaN, 2 ** 60]) {
      assert.throws(() => nutFrameHead({ presentationMicros, keyframe: true, data: new Uint8Array() }), RangeError);
    }
  });
});

suite('what ffmpeg writes', () => {
  test('an H.264 file comes with codec, times in decode order and keyframes', async () => {
    const { codec, units: frames } = await read(inChunks(clipAsNut('-c', 'copy'), 65_536));
    assert.deepEqual(
      { ...codec, privateData: codec.privateData.length },
      { fourcc: 'avc1', privateData: 41, width: 768, height: 432, decodeDelay: 1 },
    );
    assert.equal(frames.length, 60);
    assert.deepEqual(
      frames.slice(0, 4).map((unit) => unit.presentationMicros),
      [100_000, 500_000, 200_000, 300_000],
    );
    assert.ok(frames[0]?.keyframe);
    assert.ok(frames.filter((unit) => unit.keyframe).length < frames.length);
  });

  test('what we write of it, ffmpeg decodes to the same pictures at the same times', async () => {
    const original = clipAsNut('-c', 'copy');
    const { codec, units: frames } = await read(inChunks(original, 65_536));
    assert.equal(decoded(written(codec, frames)), decoded(original));
  });

  test('raw pictures larger than a chunk come whole', async () => {
    const { codec, units: frames } = await read(
      inChunks(clipAsNut('-frames:v', '3', '-vf', 'scale=640:360', '-pix_fmt', 'bgr24', '-c:v', 'rawvideo'), 65_536),
    );
    assert.equal(codec.fourcc, 'BGR\x18');
    assert.deepEqual(
      frames.map((unit) => unit.data.length),
      [691_200, 691_200, 691_200],
    );
  });

  test('times in other time bases become the nearest microsecond', async () => {
    const thirds = clipAsNut('-c:v', 'mjpeg', '-frames:v', '6', '-vf', 'fps=3', '-pix_fmt', 'yuvj420p');
    const { units: frames } = await read(inChunks(thirds, 65_536));
    assert.deepEqual(
      frames.map((unit) => unit.presentationMicros),
      [0, 333_333, 666_667, 1_000_000, 1_333_333, 1_666_667],
    );
  });

  test('first bytes that frames share and the muxer leaves out are put back', async () => {
    const { units: frames } = await read(inChunks(clipAsNut('-vf', 'scale=160:90', '-c:v', 'mpeg4', '-bf', '0'), 65_536));
    assert.equal(frames.length, 60);
    for (const unit of frames) assert.deepEqual([...unit.data.subarray(0, 3)], [0, 0, 1], 'an MPEG-4 unit begins with a start code');
  });

  test('a jump of an hour is a jump of an hour', { skip: withoutFfmpeg('-fps_mode') }, async () => {
    const bytes = clipAsNut('-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-fps_mode', 'passthrough', '-vf', 'setpts=PTS+gte(N\\,30)*3600/TB');
    const { units: frames } = await read(inChunks(bytes, 65_536));
    assert.equal(frames.length, 60);
    assert.equal((frames[30]?.presentationMicros ?? 0) - (frames[29]?.presentationMicros ?? 0), 3_600_100_000);
  });
});

suite('hostile bytes end in a NutError, never in a hang', () => {
  let sample: Buffer;
  before(() => {
    sample = clipAsNut('-frames:v', '12', '-c', 'copy', '-strict', 'experimental');
  });

  test('random bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 400, size: 'max' }), (bytes) => survive(bytes, 37)));
  });

  test('random bytes behind good headers', async () => {
    const headers = nutHeader({ fourcc: 'H264', privateData: new Uint8Array(), width: 64, height: 48, decodeDelay: 0 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400, size: 'max' }), (bytes) => survive(Buffer.concat([headers, bytes]), 61)),
      FUZZ,
    );
  });

  test('flipped bits', async () => {
    const flips = fc.array(fc.record({ byte: fc.oneof(fc.nat(400), fc.nat(60_000)), bit: fc.nat(7) }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(flips, async (places) => {
        const damaged = Buffer.from(sample);
        for (const { byte, bit } of places) damaged[byte % damaged.length] = (damaged[byte % damaged.length] ?? 0) ^ (1 << bit);
        await survive(damaged, 4096);
      }),
      FUZZ,
    );
  });

  test('a flipped bit in the headers is always noticed', async () => {
    const headers = nutHeader({ fourcc: 'H264', privateData: Buffer.alloc(5000, 3), width: 64, height: 48, decodeDelay: 0 });
    for (let bit = 0; bit < 8 * 90; bit++) {
      const damaged = Buffer.from(headers);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await assert.rejects(read(inChunks(damaged, 4096)), NutError, `bit ${bit}`);
    }
  });

  test('an end in the middle says that the video is truncated', async () => {
    for (const length of [0, 10, 100, sample.length - 1]) {
      await assert.rejects(read(inChunks(sample.subarray(0, length), 4096)), { name: 'NutError', reason: 'truncated' });
    }
  });

  test('a frame beyond the limit is refused before any memory is taken for it', async () => {
    const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 64, height: 48, decodeDelay: 0 };
    const tooLarge = nutFrameHead({ presentationMicros: 0, keyframe: true, data: { length: MAX_FRAME_BYTES + 1 } as Uint8Array });
    await assert.rejects(read(inChunks(Buffer.concat([nutHeader(codec), tooLarge]), 4096)), /larger than/);
  });

  test('something else than NUT is called so', async () => {
    await assert.rejects(read(inChunks(Buffer.alloc(1000, 'RIFF'), 4096)), /not in a NUT container/);
  });

  test('the source is closed when reading fails or stops early', async () => {
    for (const bytes of [Buffer.alloc(1000, 'RIFF'), sample]) {
      let closed = false;
      const source = (async function* () {
        try {
          yield* inChunks(bytes, 4096);
        } finally {
          closed = true;
        }
      })();
      await readNut(source)
        .then(async (stream) => {
          for await (const unit of stream.units) if (unit.keyframe) return;
        })
        .catch((error: unknown) => assert.ok(error instanceof NutError));
      assert.ok(closed);
    }
  });
});
