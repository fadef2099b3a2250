/** Demultiplexes a source in an ffmpeg child, without decoding. */
import { Ffmpeg, type FfmpegExit, NUT_OUTPUT } from '#proto/media/ffmpeg.ts';
import { MAX_FRAME_BYTES, NutError } from '#proto/media/nut/nut.ts';
import { readNut } from '#proto/media/nut/reader.ts';
import type { CameraItem } from './camera.ts';

export interface DemuxJob {
  readonly inputOptions: readonly string[];
  /** What ffmpeg opens; `pipe:0` is the script. */
  readonly input: string;
  readonly script?: string;
  /** What ffmpeg reads on `pipe:0`; it must not throw. */
  readonly feed?: AsyncIterable<Uint8Array>;
  readonly secrets?: readonly string[];
  /** A bitstream filter: ffmpeg's -bsf. */
  readonly filter?: string;
  /** Whether video that comes before the first keyframe is wanted, too. */
  readonly fromAnywhere?: boolean;
}

/** Of one piece of memory: four of the largest pictures that are accepted from a camera. */
export const MAX_ALLOCATION_BYTES = 4 * MAX_FRAME_BYTES;

/** A reader that joins among pictures that refer forwards gets some without a time, and the muxer would give up over them. */
export const DROP_UNTIMED = String.raw`noise=drop=eq(pts\,nopts)`;

export type Settings = Readonly<Record<string, string | number>>;

/** ffmpeg's settings for a script of `concatScript`. */
export const CONCAT: Settings = { f: 'concat', safe: 0 };

/** https://ffmpeg.org/ffmpeg-formats.html#concat. Only by this demuxer do settings reach what it opens. */
export function concatScript(address: string, settings: Settings): string {
  const options = Object.entries(settings).map(([name, value]) => `option ${name} '${quotable(String(value))}'`);
  return ['ffconcat version 1.0', `file '${quotable(address)}'`, ...options, ''].join('\n');
}

/** Without what would end a quoted string or the line. */
function quotable(text: string): string {
  return text.replaceAll(/['\\\s]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

export function inputOptionsOf(settings: Settings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`-${name}`, String(value)]);
}

/** The first video stream, unchanged, one access unit at a time. */
const COPY_TO_NUT: readonly string[] = ['-map', '0:v:0', '-c', 'copy', '-map_metadata', '-1', '-map_chapters', '-1', ...NUT_OUTPUT];

/** Yields the codec, then access units, no faster than the reader takes them; returns how ffmpeg ended. Throws the signal's reason. */
export async function* demux(
  { script, feed, filter, fromAnywhere, ...job }: DemuxJob,
  signal: AbortSignal,
): AsyncGenerator<CameraItem, FfmpegExit> {
  signal.throwIfAborted();
  const filtering = filter === undefined ? [] : ['-bsf:v', filter];
  const copying = fromAnywhere === true ? ['-copyinkf', ...COPY_TO_NUT] : COPY_TO_NUT;
  const ffmpeg = new Ffmpeg({ ...job, outputOptions: [...filtering, ...copying] });
  const stop = (): void => void ffmpeg.stop();
  signal.addEventListener('abort', stop, { once: true });
  let over = false;
  try {
    if (script !== undefined) await ffmpeg.write(Buffer.from(script));
    if (feed === undefined) ffmpeg.end();
    else void feedAll(ffmpeg, feed);
    const { codec, units } = await readNut(ffmpeg.output);
    yield { kind: 'codec', codec };
    for await (const unit of units) yield { kind: 'unit', unit };
    over = true;
  } catch (error) {
    // ffmpeg's last words explain output that stops short: wait until all of them are there.
    over = error instanceof NutError && error.reason === 'truncated';
    if (!over) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    if (!over || signal.aborted) await ffmpeg.stop();
  }
  signal.throwIfAborted();
  return ffmpeg.exit;
}

async function feedAll(ffmpeg: Ffmpeg, feed: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of feed) if (!(await ffmpeg.write(bytes))) break;
  ffmpeg.end();
}
