import { Ffmpeg } from '#proto/media/ffmpeg.ts';
import type { FfmpegExit, FfmpegJob } from '#proto/media/ffmpeg.ts';
import { NutError } from '#proto/media/nut.ts';
import { readNut } from '#proto/media/nut-reader.ts';
import type { CameraItem } from './camera.ts';

export interface DemuxJob {
  readonly inputOptions: readonly string[];
  /** What ffmpeg opens; `pipe:0` is `script`. */
  readonly input: string;
  readonly script?: string;
  readonly secrets?: readonly string[];
}

/** The first video stream as it is, every access unit at once. */
const COPY_VIDEO = [
  '-map', '0:v:0', '-an', '-sn', '-dn', '-c', 'copy', '-map_metadata', '-1', '-map_chapters', '-1',
  // An index is for files: it would grow as long as the camera runs.
  '-f', 'nut', '-write_index', '0', '-flush_packets', '1',
];

/** Gives the codec, then access units, until ffmpeg ends: returns how. Throws the signal's reason. It reads no faster than its reader. */
export async function* demux({ script, ...job }: DemuxJob, signal: AbortSignal): AsyncGenerator<CameraItem, FfmpegExit> {
  signal.throwIfAborted();
  const ffmpeg = new Ffmpeg({ ...job, outputOptions: COPY_VIDEO } satisfies FfmpegJob);
  const stop = (): void => void ffmpeg.stop();
  signal.addEventListener('abort', stop, { once: true });
  let over = false;
  try {
    if (script !== undefined) await ffmpeg.write(Buffer.from(script));
    ffmpeg.end();
    const { codec, units } = await readNut(ffmpeg.output);
    yield { kind: 'codec', codec };
    for await (const unit of units) yield { kind: 'unit', unit };
    over = true;
  } catch (error) {
    // Output that stops short is for the exit to explain.
    over = error instanceof NutError && error.reason === 'truncated';
    if (!over) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    if (!over || signal.aborted) await ffmpeg.stop();
  }
  signal.throwIfAborted();
  return ffmpeg.exit;
}
