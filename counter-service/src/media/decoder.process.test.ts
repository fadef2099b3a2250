import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';
import { readNut } from '#proto/media/nut/reader.ts';
import type { DecodedFrame } from './decoder.ts';
import { DECODER_LIMITS } from './decoder-watch.ts';
import { DecoderFault, startDecoder } from './decoder.ts';
import type { DecodeOptions } from './decoding.ts';

const CLIP = new URL('../../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;
const SMALL = { framesPerSecond: 10, width: 64, height: 36 };

interface Video {
  readonly codec: Codec;
  readonly units: AccessUnit[];
}

/** The clip's first pictures as ffmpeg makes them with these options. */
async function video(...options: string[]): Promise<Video> {
  const bytes = execFileSync('ffmpeg', ['-v', 'error', '-i', CLIP, '-map', '0:v:0', '-frames:v', '40', ...options, '-f', 'nut', 'pipe:1'], {
    maxBuffer: 2 ** 26,
  });
  const { codec, units } = await readNut(Readable.from([bytes]));
  return { codec, units: await Array.fromAsync(units) };
}

/** At these times instead of its own. */
function at(times: readonly number[], { codec, units }: Video): Video {
  return { codec, units: times.map((presentationMicros, index) => ({ ...(units[index] as AccessUnit), presentationMicros })) };
}

async function decode({ codec, units }: Video, options: Omit<DecodeOptions, 'codec'> = SMALL): Promise<DecodedFrame[]> {
  const decoder = startDecoder({ codec, ...options });
  const frames = Array.fromAsync(decoder.frames);
  for (const unit of units) await decoder.write(unit);
  decoder.end();
  return frames;
}

function timesOf(frames: readonly { presentationMicros: number }[]): number[] {
  return frames.map((frame) => frame.presentationMicros);
}

function digest(frames: readonly DecodedFrame[]): string {
  const hash = createHash('sha256');
  for (const { pixels } of frames) hash.update(pixels);
  return hash.digest('hex');
}

/** In the form of RTSP cameras: parameter sets in front of each keyframe. */
function withParameters({ codec, units }: Video): AccessUnit[] {
  return units.map((unit) => (unit.keyframe ? { ...unit, data: Buffer.concat([codec.privateData, unit.data]) } : unit));
}

function everyMicros(step: number, count = 40): number[] {
  return Array.from({ length: count }, (_, index) => index * step);
}

async function picked(framesPerSecond: number, presentationTimes: number[]): Promise<number[]> {
  return timesOf(await decode(at(presentationTimes, live), { ...SMALL, framesPerSecond }));
}

function fault(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof DecoderFault && message.test(error.message);
}

const LIVE_H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-vf', 'scale=320:180'];
let live: Video;
before(async () => {
  live = await video(...LIVE_H264);
});

suite('pictures', () => {
  const codecs: Record<string, string[]> = {
    'H.264 with B-frames out of an MP4': ['-c', 'copy'],
    'H.264 as a camera sends it': LIVE_H264,
    'H.265': ['-c:v', 'libx265', '-x265-params', 'log-level=error:bframes=2', '-preset', 'ultrafast', '-vf', 'scale=320:180'],
    MJPEG: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-vf', 'scale=320:180'],
    'MS-MPEG4 as old recorders write it': ['-c:v', 'msmpeg4', '-vf', 'scale=320:180'],
    VP8: ['-c:v', 'libvpx', '-deadline', 'realtime', '-vf', 'scale=320:180'],
  };
  for (const [name, options] of Object.entries(codecs)) {
    test(`${name}: one for each access unit, at its time, twice the same`, async () => {
      const clip = await video(...options);
      const frames = await decode(clip);
      assert.equal(frames.length, 40);
      assert.deepEqual(
        timesOf(frames),
        timesOf(clip.units).toSorted((one, other) => one - other),
      );
      assert.ok(frames.every((frame) => frame.pixels.length === 64 * 36 * 3));
      assert.equal(digest(await decode(clip)), digest(frames));
    });
  }

  test('are blue, green, red', async () => {
    const red = await video(
      '-vf',
      'scale=320:180,geq=r=255:g=0:b=0',
      '-c:v',
      'mjpeg',
      '-q:v',
      '1',
      '-pix_fmt',
      'yuvj444p',
      '-frames:v',
      '1',
    );
    const [frame] = await decode(red);
    const [blue = 255, green = 255, redness = 0] = frame?.pixels ?? [];
    assert.ok(blue < 8 && green < 8 && redness > 247, `${blue}, ${green}, ${redness}`);
  });

  test('of no access unit are none', async () => {
    assert.deepEqual(await decode({ ...live, units: [] }), []);
  });

  test('a part of the picture is cut out before scaling', async () => {
    // White where it is cut: a quarter of the way across and down, half as large.
    const clip = await video(
      '-vf',
      'scale=320:180,drawbox=80:45:160:90:white:fill',
      '-c:v',
      'mjpeg',
      '-pix_fmt',
      'yuvj420p',
      '-q:v',
      '2',
      '-frames:v',
      '2',
    );
    const [frame] = await decode(clip, { ...SMALL, crop: { left: 88, top: 53, width: 144, height: 74 } });
    assert.ok(frame?.pixels.every((value) => value > 225));
    const [whole] = await decode(clip);
    assert.ok(whole?.pixels.some((value) => value < 200));
  });

  test('go on when the picture changes its size in the stream, cut in the same proportions', async () => {
    const first = await video('-vf', 'scale=320:180,drawbox=80:45:160:90:white:fill', ...LIVE_H264.slice(0, 6));
    const second = await video('-vf', 'scale=640:360,drawbox=160:90:320:180:white:fill', ...LIVE_H264.slice(0, 6));
    const later = withParameters(second).map((unit) => ({ ...unit, presentationMicros: unit.presentationMicros + 4_000_000 }));
    const frames = await decode(
      { codec: first.codec, units: [...withParameters(first), ...later] },
      { ...SMALL, crop: { left: 88, top: 53, width: 144, height: 74 } },
    );
    assert.equal(frames.length, 80);
    assert.ok(frames.every((frame) => frame.pixels.every((value) => value > 225)));
  });
});

suite('which frames are picked', () => {
  test('odd times come out to the microsecond', async () => {
    const odd = everyMicros(0).map((_, index) => index * 100_003 + 7_777_777_777_777 + (index % 7));
    assert.deepEqual(await picked(10, odd), odd);
  });

  test('of 25 a second at 10 wanted: those nearest behind the grid', async () => {
    assert.deepEqual(await picked(10, everyMicros(40_000, 15)), [0, 80_000, 160_000, 280_000, 360_000, 480_000, 560_000]);
  });

  test('of 30 a second at 10 wanted: every third', async () => {
    const frames = await picked(
      10,
      everyMicros(0, 30).map((_, index) => Math.round((index * 1e6) / 30)),
    );
    assert.deepEqual(
      frames.map((time) => Math.round((time * 30) / 1e6)),
      [0, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29],
    );
  });

  test('of the wanted rate: all, however the camera jitters by a fifth of a period', async () => {
    const jittery = everyMicros(100_000).map((time, index) => time + [0, 20_000, 4_000, -1_000 * (index > 0 ? 1 : 0), 11_000][index % 5]!);
    assert.deepEqual(await picked(10, jittery), jittery);
  });

  test('of fewer than wanted: all', async () => {
    assert.deepEqual(await picked(10, everyMicros(125_000)), everyMicros(125_000));
  });

  test('from a later start: the same, but for the first', async () => {
    const all = at(everyMicros(40_000), await video('-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-vf', 'scale=320:180'));
    const fromStart = timesOf(await decode(all));
    for (const start of [7, 11, 13]) {
      const later = timesOf(await decode({ ...all, units: all.units.slice(start) }));
      assert.deepEqual(
        later.slice(1),
        fromStart.filter((time) => time > (later[0] ?? 0)),
      );
    }
  });
});

suite('while it runs', () => {
  test('a picture comes out as soon as its access unit is in', async () => {
    for (const clip of [live, await video('-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-vf', 'scale=320:180')]) {
      const decoder = startDecoder({ codec: clip.codec, ...SMALL });
      const frames = decoder.frames[Symbol.asyncIterator]();
      const latencies: number[] = [];
      for (const unit of clip.units) {
        const start = performance.now();
        await decoder.write(unit);
        // The next unit is not even written: a decoder that wants it first would never answer.
        assert.equal((await frames.next()).value?.presentationMicros, unit.presentationMicros);
        latencies.push(performance.now() - start);
      }
      await frames.return?.();
      // The first waits for the child to start. The median: this may be a busy machine.
      const median = latencies.slice(1).toSorted((one, other) => one - other)[19] ?? Infinity;
      assert.ok(median < 60, `median ${median.toFixed(1)} ms`);
    }
  });

  test('a frame of H.265 without B-frames comes out at once, too', async () => {
    const { codec, units } = await video(
      '-c:v',
      'libx265',
      '-x265-params',
      'log-level=error:bframes=0',
      '-preset',
      'ultrafast',
      '-tune',
      'zerolatency',
      '-vf',
      'scale=320:180',
    );
    const decoder = startDecoder({ codec, ...SMALL });
    const frames = decoder.frames[Symbol.asyncIterator]();
    for (const unit of units) {
      await decoder.write(unit);
      assert.equal((await frames.next()).value?.presentationMicros, unit.presentationMicros);
    }
    await frames.return?.();
  });

  test('a writer waits while no reader takes pictures', async () => {
    const { codec, units } = live;
    const decoder = startDecoder({ codec, ...SMALL, width: 1920, height: 1080 });
    let written = 0;
    const writing = (async () => {
      // The same second of video again and again: what is in the pipes on the way is far less.
      for (let round = 0; round < 200; round++) {
        for (const unit of units) {
          await decoder.write({ ...unit, presentationMicros: unit.presentationMicros + round * 4_000_000 });
          written += unit.data.length;
        }
      }
    })().catch((error: unknown) => error);
    let seen: number;
    do {
      seen = written;
      await delay(200);
    } while (written > seen);
    await decoder.stop();
    assert.ok((await writing) instanceof DecoderFault);
    assert.ok(written < 2 ** 20, `${written} bytes were taken`);
  });

  test('leaving the frames ends the child', async () => {
    const decoder = startDecoder({ codec: live.codec, ...SMALL });
    for (const unit of live.units) await decoder.write(unit);
    for await (const frame of decoder.frames) if (frame.presentationMicros >= 0) break;
    assert.throws(() => readFileSync(`/proc/${decoder.pid}/stat`));
  });

  test('damaged access units cost pictures, not the decoder', async () => {
    const units = live.units.map((unit, index) => (index % 4 === 2 ? { ...unit, data: Buffer.alloc(unit.data.length, index) } : unit));
    const frames = await decode({ ...live, units });
    assert.ok(frames.length >= 30);
  });
});

suite('the end', () => {
  test('of a child that was killed is a fault to reader and writer', async () => {
    const decoder = startDecoder({ codec: live.codec, ...SMALL });
    process.kill(decoder.pid ?? 0, 'SIGKILL');
    await assert.rejects(Array.fromAsync(decoder.frames), fault(/^The video could not be decoded: ffmpeg was killed \(SIGKILL\)\.$/));
    await assert.rejects(
      async () => {
        for (const unit of live.units) await decoder.write(unit);
      },
      fault(/SIGKILL/),
    );
  });

  test('by the signal is its reason, to reader and writer', async () => {
    const controller = new AbortController();
    const decoder = startDecoder({ codec: live.codec, ...SMALL, signal: controller.signal });
    const frames = assert.rejects(Array.fromAsync(decoder.frames), /enough/);
    controller.abort(new Error('enough'));
    await frames;
    await assert.rejects(decoder.write(live.units[0] as AccessUnit), /enough/);
    await assert.rejects(Array.fromAsync(startDecoder({ codec: live.codec, ...SMALL, signal: controller.signal }).frames), /enough/);
  });

  test('of a child that takes no more input is a fault, though it lives', async () => {
    const decoder = startDecoder({ codec: live.codec, ...SMALL, limits: { ...DECODER_LIMITS, hangSeconds: 1 } });
    await decoder.write(live.units[0] as AccessUnit);
    const frames = decoder.frames[Symbol.asyncIterator]();
    await frames.next();
    process.kill(decoder.pid ?? 0, 'SIGSTOP');
    // The watch polls once a second: input that the child reads just before it is stopped must not count as read after it.
    await delay(1500);
    await decoder.write(live.units[1] as AccessUnit);
    await assert.rejects(frames.next(), fault(/ffmpeg was killed, for it took nothing for 1 s\.$/));
  });

  test('does not come to a child that waits for input or for a reader of its pictures', async () => {
    const decoder = startDecoder({ codec: live.codec, ...SMALL, width: 640, height: 360, limits: { ...DECODER_LIMITS, hangSeconds: 1 } });
    const frames = decoder.frames[Symbol.asyncIterator]();
    await decoder.write(live.units[0] as AccessUnit);
    assert.equal((await frames.next()).done, false);
    const next = frames.next();
    await delay(2500);
    const writing = (async () => {
      for (const unit of live.units.slice(1)) await decoder.write(unit);
    })();
    assert.equal((await next).done, false);
    await delay(2500);
    for (let count = 2; count < live.units.length; count += 1) assert.equal((await frames.next()).done, false);
    await writing;
    await decoder.stop();
  });

  test('of a child that takes too much memory is a fault', async () => {
    const decoder = startDecoder({ codec: live.codec, ...SMALL, limits: { ...DECODER_LIMITS, megabytes: 1 } });
    await assert.rejects(Array.fromAsync(decoder.frames), fault(/ffmpeg was killed, for it took more than 1 MB of memory\.$/));
  });

  test('comes to a bomb, small bytes of gigantic pictures, before they are made', async () => {
    const bomb = await video('-frames:v', '1', '-vf', 'scale=8192:4608', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency');
    const claimed = { codec: { ...bomb.codec, width: 320, height: 180 }, units: withParameters(bomb) };
    assert.deepEqual(await decode(claimed).catch((error: unknown) => (fault(/could not be decoded/)(error) ? [] : error)), []);
  });

  test('a codec that ffmpeg does not know is a fault that says so', async () => {
    const decoder = startDecoder({ codec: { ...live.codec, fourcc: 'ZZZZ' }, ...SMALL });
    await decoder.write(live.units[0] as AccessUnit);
    decoder.end();
    await assert.rejects(Array.fromAsync(decoder.frames), fault(/could not be decoded: .*[Dd]ecod/));
  });
});
