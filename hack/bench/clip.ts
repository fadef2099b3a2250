/** The measured clip, the lines that people cross in it, and the true crossings if they are known. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCameraStreams } from '#crds/load.ts';
import { describeExit, Ffmpeg } from '#proto/media/ffmpeg.ts';
import type { AccessUnit, Codec } from '#proto/media/nut/nut.ts';
import { readNut } from '#proto/media/nut/reader.ts';
import { nutFrameHead, nutHeader } from '#proto/media/nut/writer.ts';
import type { LineSpec } from '../../counter-service/src/counting/layout.ts';
import type { TimedCrossing } from '../accuracy/matching.ts';
import type { TruthFile } from '../accuracy/sequence.ts';

export interface Clip {
  readonly path: string;
  readonly codec: Codec;
  readonly frames: number;
  readonly framesPerSecond: number;
  readonly lines: readonly LineSpec[];
  readonly truth: readonly TimedCrossing[] | undefined;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const sampleStream = join(root, 'crds/samples/valid-one-by-one.yaml');

/** The named clip; else PETS09-S2L1 from $FOOTFALL_DATA or beside the repository; else the shipped sample. */
export async function findClip(named: string | undefined): Promise<Clip> {
  const pets = join(process.env['FOOTFALL_DATA'] ?? join(root, '../shared/data'), 'pets09-s2l1/vtest.avi');
  if (named !== undefined && !existsSync(named)) throw new Error(`--clip ${named}: there is no such file.`);
  const path = named ?? (existsSync(pets) ? pets : undefined);
  return path === undefined ? sampleClip() : openClip(resolve(path), readTruth(path));
}

/** All access units of a file, without decoding them. */
export async function readUnits(path: string): Promise<{ codec: Codec; units: AccessUnit[] }> {
  const ffmpeg = new Ffmpeg({ inputOptions: [], input: path, outputOptions: ['-map', '0:v:0', '-c', 'copy', '-f', 'nut'] });
  ffmpeg.end();
  try {
    const { codec, units } = await readNut(ffmpeg.output);
    return { codec, units: await Array.fromAsync(units) };
  } catch (error) {
    throw new Error(`${path}: ${describeExit(await ffmpeg.stop())}.`, { cause: error });
  }
}

/** Writes the beginning of a clip to a file, to separate the cost of a start from that of a frame. */
export async function cutClip(clip: Clip, frames: number, folder: string): Promise<string> {
  const { codec, units } = await readUnits(clip.path);
  const path = join(folder, `first-${frames}.nut`);
  await writeFile(path, [nutHeader(codec), ...units.slice(0, frames).flatMap((unit) => [nutFrameHead(unit), unit.data])]);
  return path;
}

export function describeClip({ path, codec, frames, framesPerSecond }: Clip): string {
  return `${basename(path)}, ${codec.width}x${codec.height} ${codec.fourcc}, ${frames} frames, ${framesPerSecond.toFixed(1)} fps`;
}

async function sampleClip(): Promise<Clip> {
  const { spec } = loadCameraStreams([sampleStream]).streams[0]!.stream;
  return openClip(resolve(dirname(sampleStream), spec.source.url), { lines: spec.lines, truth: undefined });
}

async function openClip(path: string, { lines, truth }: Pick<Clip, 'lines' | 'truth'>): Promise<Clip> {
  const { codec, units } = await readUnits(path);
  const seconds = Math.max(...units.map((unit) => unit.presentationMicros)) / 1e6;
  return { path, codec, frames: units.length, framesPerSecond: (units.length - 1) / seconds, lines, truth };
}

/** The truth.json beside a clip; without one, a vertical line in the middle. */
function readTruth(path: string): Pick<Clip, 'lines' | 'truth'> {
  const file = join(dirname(path), 'truth.json');
  if (!existsSync(file)) return { lines: [{ name: 'middle', from: { x: 500, y: 0 }, to: { x: 500, y: 1000 } }], truth: undefined };
  const { width, height, fps, lines } = JSON.parse(readFileSync(file, 'utf8')) as TruthFile;
  // The resource needs whole thousandths.
  const thousandths = ([x, y]: readonly [number, number]) => ({ x: Math.round((1000 * x) / width), y: Math.round((1000 * y) / height) });
  return {
    lines: lines.map(({ name, A, B }) => ({ name: name.toLowerCase(), from: thousandths(A), to: thousandths(B) })),
    truth: lines.flatMap(({ name, events }) =>
      events.map(({ frame, dir }) => ({ line: name.toLowerCase(), direction: dir, time: (frame - 1) / fps })),
    ),
  };
}
