/** Footage with real decoders that stop, die and start again. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Ffmpeg } from '#proto/media/ffmpeg.ts';
import type { AccessUnit } from '#proto/media/nut/nut.ts';
import { readNut } from '#proto/media/nut/reader.ts';
import { clipPath, readClip } from '../fixtures/clip.ts';
import { DecoderFault } from './decoder.ts';
import { Footage } from './footage.ts';

const picture = { framesPerSecond: 10, width: 64, height: 36 };
const never = new AbortController().signal;
const ignore = () => undefined;

const { codec, units } = await readClip(60);

function footageOf(some: readonly AccessUnit[], { ended = true, of = codec } = {}): Footage {
  const footage = new Footage(of, ignore, ignore);
  for (const [index, unit] of some.entries()) footage.add({ ...unit, number: index + 1 });
  if (ended) footage.end();
  return footage;
}

async function times(frames: AsyncIterable<{ presentationMicros: number }>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { presentationMicros } of frames) seen.push(presentationMicros);
  return seen;
}

test('every frame comes out once, in presentation order', async () => {
  const seen = await times(footageOf(units).frames(picture, -1, never));
  assert.deepEqual(
    seen,
    units.map((unit) => unit.presentationMicros).toSorted((a, b) => a - b),
  );
});

test('a new decoder continues after the watermark, from any frame', async () => {
  const footage = footageOf(units);
  const all = await times(footage.frames(picture, -1, never));
  for (const stop of [0, 7, 10, 33, 58]) {
    footage.release(all[stop]!);
    assert.deepEqual(await times(footage.frames(picture, all[stop]!, never)), all.slice(stop + 1), `after frame ${stop}`);
  }
});

test('access units that the next decoder does not need are dropped', () => {
  const footage = footageOf(units);
  footage.release(units[45]!.presentationMicros);
  assert.equal(footage.rewindable, true);
  assert.ok(footage.span(-1, Infinity).units <= 20, 'two groups of pictures at the most');
});

test('counted access units are dropped while they are decoded again', async () => {
  const footage = footageOf(units);
  assert.deepEqual(await times(footage.frames(picture, 1e15, never)), []);
  assert.equal(footage.rewindable, true);
  assert.ok(footage.span(-1, Infinity).units <= 20, 'two groups of pictures at the most');
});

test('an endless group of pictures is dropped as it is counted, and a new decoder can start again with the next group', async () => {
  const large = units
    .slice(0, 45)
    .map((unit, index) => ({ ...unit, keyframe: index === 0 || index === 40, data: new Uint8Array(2 ** 20) }));
  const taken: number[] = [];
  const footage = new Footage(codec, ({ number }) => taken.push(number), ignore);
  const over = new AbortController();
  const decoding = times(footage.frames(picture, -1, over.signal)).catch(ignore);
  for (const [index, unit] of large.entries()) {
    footage.add({ ...unit, number: index + 1, presentationMicros: index * 100_000 });
    while (taken.length <= index) await setImmediate();
    footage.release(index * 100_000);
    assert.ok(footage.span(-1, Infinity).units <= 33);
    assert.equal(footage.rewindable, index < 32 || index >= 40, `after ${index}`);
  }
  over.abort(new Error('the test is over'));
  await decoding;
});

test('a killed decoder is a fault, and the next decoder returns the other frames', { skip: process.platform !== 'linux' }, async () => {
  const footage = footageOf(units, { ended: false });
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const frame of footage.frames(picture, -1, never)) {
      seen.push(frame.presentationMicros);
      if (seen.length === 20) for (const pid of ownDecoders()) process.kill(pid, 'SIGKILL');
    }
  }, DecoderFault);
  footage.end();
  const rest = await times(footage.frames(picture, seen.at(-1)!, never));
  assert.deepEqual([...seen, ...rest], await times(footageOf(units).frames(picture, -1, never)));
});

test('video that no decoder can decode is a fault, not an empty floor', async () => {
  const noise = Array.from({ length: 700 }, (_, i) => ({
    presentationMicros: i * 100_000,
    keyframe: true,
    data: new Uint8Array(50).fill(i),
  }));
  await assert.rejects(times(footageOf(noise, { ended: false }).frames(picture, -1, never)), DecoderFault);
});

test('megabytes without a picture are a fault, also in few access units', async () => {
  const data = new Uint8Array(4 * 2 ** 20);
  const empty = Array.from({ length: 20 }, (_, i) => ({ presentationMicros: i * 100_000, keyframe: i === 0, data }));
  await assert.rejects(times(footageOf(empty).frames(picture, -1, never)), /No picture came out of 50331648 bytes/);
});

test('large pictures at one frame a second are no fault', async () => {
  const ffmpeg = new Ffmpeg({
    inputOptions: [],
    input: clipPath,
    outputOptions: ['-map', '0:v:0', '-frames:v', '1', '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-f', 'nut'],
  });
  const video = await readNut(ffmpeg.output);
  const data = new Uint8Array(1.5 * 2 ** 20);
  for await (const unit of video.units) data.set(unit.data);
  const large = Array.from({ length: 90 }, (_, i) => ({ presentationMicros: Math.round((i * 1e6) / 30), keyframe: true, data }));
  assert.equal((await times(footageOf(large, { of: video.codec }).frames({ ...picture, framesPerSecond: 1 }, -1, never))).length, 4);
});

/** ffmpeg children of this process. */
function ownDecoders(): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => isOwnDecoder(pid)).map(Number);
}

function isOwnDecoder(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.includes('(ffmpeg)') && Number(stat.split(') ')[1]!.split(' ')[1]) === process.pid;
  } catch {
    return false;
  }
}
