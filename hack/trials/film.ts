/**
 * The film that trials count, cut from the shipped clip so that there is a crossing almost every second. One person comes
 * in, leaves on the right, and then the same backwards; all of it four times. 52 s, 76 crossings of 11 lines.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CLIP = fileURLToPath(new URL('../samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url));
export const FRAMES_PER_SECOND = 10;
const PASSES = 4;
const PASS_UNITS = 130;
export const FILM_UNITS = PASSES * PASS_UNITS;

/** Vertical lines, from left to right across the person's way. */
export const LINES = Array.from({ length: 11 }, (_, index) => {
  const x = 350 + 50 * index;
  return { name: `x${x}`, from: { x, y: 300 }, to: { x, y: 1000 } };
});

/** The true counts. The person appears to the right of the first three lines, so these have no crossing inwards. */
export const KNOWN_COUNTS = LINES.map(({ name }, index) => ({ name, in: index < 3 ? 0 : PASSES, out: PASSES }));

/** Seconds of the clip. */
const BEGIN = 74;
const END = 88;
const COMES = `trim=${74.5 - BEGIN}:${78 - BEGIN},setpts=PTS-STARTPTS`;
const LEAVES = `trim=${84.5 - BEGIN}:${87.5 - BEGIN},setpts=PTS-STARTPTS`;
const FILTER =
  `[0:v]scale=640:-2,split=4[a][b][c][d];[a]${COMES}[A];[b]${LEAVES}[B];[c]${LEAVES},reverse[C];[d]${COMES},reverse[D];` +
  `[A][B][C][D]concat=n=4,loop=${PASSES - 1}:${PASS_UNITS},setpts=N/${FRAMES_PER_SECOND}/TB,split=2[file][camera]`;

export interface Films {
  /** With B-frames: the decoding order is not the order of presentation. */
  readonly file: string;
  /** Without B-frames, as most cameras encode. */
  readonly camera: string;
}

export async function makeFilms(folder: string): Promise<Films> {
  const films = { file: join(folder, 'film.mp4'), camera: join(folder, 'camera.mp4') };
  const input = ['-ss', String(BEGIN), '-to', String(END), '-i', CLIP, '-filter_complex', FILTER];
  const outputs = [...encode('file', ['-g', '20'], films.file), ...encode('camera', ['-g', '10', '-bf', '0'], films.camera)];
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...outputs]);
  return films;
}

/** Options of an output of ffmpeg. */
function encode(film: keyof Films, coding: readonly string[], path: string): string[] {
  return [
    '-map',
    `[${film}]`,
    '-r',
    String(FRAMES_PER_SECOND),
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-pix_fmt',
    'yuv420p',
    ...coding,
    path,
  ];
}
