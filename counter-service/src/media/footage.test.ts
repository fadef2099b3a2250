/** Footage with real decoders: what comes out of it whatever happens to them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ffmpeg } from '#proto/media/ffmpeg.ts';
import type { AccessUnit, Codec } from '#proto/media/nut.ts';
import { readNut } from '#proto/media/nut-reader.ts';
import { DecoderFault } from './decoder.ts';
import { Footage } from './footage.ts';

const clip = fileURLToPath(new URL('../../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url));
const picture = { framesPerSecond: 10, width: 64, height: 36 };
const never = new AbortController().signal;
const ignore = () => undefined;

let codec: Codec;
const units: AccessUnit[] = [];
before(async () => {
  const ffmpeg = new Ffmpeg({ inputOptions: [], input: clip, outputOptions: ['-map', '0:v:0', '-c', 'copy', '-f', 'nut'] });
  const video = await readNut(ffmpeg.output);
  codec = video.codec;
  for await (const unit of video.units) if (units.push(unit) === 60) break;
  await ffmpeg.stop();
});

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
  assert.deepEqual(seen, units.map((unit) => unit.presentationMicros).toSorted((a, b) => a - b));
});

test('a new decoder goes on after the frontier, from any frame', async () => {
  const footage = footageOf(units);
  const all = await times(footage.frames(picture, -1, never));
  for (const stop of [0, 7, 10, 33, 58]) {
    footage.release(all[stop]!);
    assert.deepEqual(await times(footage.frames(picture, all[stop]!, never)), all.slice(stop + 1), `after frame ${stop}`);
  }
});

test('what the next decoder would not need is let go', () => {
  const footage = footageOf(units);
  footage.release(units[45]!.presentationMicros);
  assert.equal(footage.rewindable, true);
  assert.ok(footage.passed(-1, Infinity).units <= 20, 'two groups of pictures at the most');
});

test('a decoder that is killed is told as a fault, and the next one brings the rest', { skip: process.platform !== 'linux' }, async () => {
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

test('video that no decoder understands is a fault, not an empty floor', async () => {
  const noise = Array.from({ length: 700 }, (_, i) => ({ presentationMicros: i * 100_000, keyframe: true, data: new Uint8Array(50).fill(i) }));
  await assert.rejects(times(footageOf(noise, { ended: false }).frames(picture, -1, never)), DecoderFault);
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
