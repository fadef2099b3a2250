/**
 * A recorded video at an address: downloaded as a whole, then read as a file. So it is its own replay log, the same each time,
 * and its index may stand anywhere. A download that breaks goes on where it was, if the server still has the same video.
 */
import { type FileHandle, open, rename, stat, statfs } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { backoffSeconds, pause } from '#proto/process/backoff.ts';
import { scrub } from '#proto/process/scrub.ts';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import { CameraFault, lostFault } from '../faults.ts';
import { fileCamera } from '../file/file.ts';
import type { Guard } from '../guard.ts';
import { get } from '../http/get.ts';
import { Patience, type PatienceOptions } from '../patience.ts';

const NAME = 'download';
const RETRY = { initialSeconds: 0.5, maximumSeconds: 8 };
/** Attempts in a row of which none brings a byte. */
const MAX_ATTEMPTS = 5;
/** Left free on the disk. */
const SPARE_BYTES = 100e6;

export interface DownloadOptions extends PatienceOptions {
  /** Between two attempts. By default time passes. */
  readonly wait?: (seconds: number, signal: AbortSignal) => Promise<void>;
}

/** The video is kept in the source's directory, where a later process of the session finds it again. */
export function downloadCamera(source: CameraSource, guard: Guard, options: DownloadOptions = {}): Camera {
  const path = join(source.directory!, NAME);
  const file = fileCamera({ url: path });
  return {
    verdict: () => withAddress(file.verdict?.(), path, source.url) as CameraFault | undefined,
    async *read(signal): AsyncGenerator<CameraItem> {
      if ((await sizeOf(path)) === undefined) await download(source, guard, path, options, signal);
      try {
        yield* file.read(signal);
      } catch (error) {
        throw withAddress(error, path, source.url);
      }
    },
  };
}

/** The user knows the address, not the file that it became. */
function withAddress(error: unknown, path: string, url: string): unknown {
  return error instanceof CameraFault ? new CameraFault(error.reason, error.message.replaceAll(path, scrub(url))) : error;
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

/** How far a download is, and by what the server knows that it still is the same video. */
interface Progress {
  bytes: number;
  total: number;
  validator: string | undefined;
}

async function download(
  source: CameraSource,
  guard: Guard,
  path: string,
  { wait = pause, ...patience }: DownloadOptions,
  signal: AbortSignal,
): Promise<void> {
  const part = await open(`${path}.part`, 'w', 0o600);
  const progress: Progress = { bytes: 0, total: Infinity, validator: undefined };
  try {
    for (let failures = 0; progress.bytes < progress.total; failures += 1) {
      if (failures > 0) await wait(backoffSeconds(RETRY, failures, 1), signal);
      const before = progress.bytes;
      try {
        await attempt(source, guard, part, progress, new Patience(source.url, patience, signal));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CameraFault))
          throw new CameraFault('ReaderFailed', `${path}.part cannot be written: ${(error as Error).message}.`);
        if (progress.bytes > before) failures = 0;
        if (error.badInput || progress.total === Infinity || failures === MAX_ATTEMPTS) throw error;
      }
    }
    await part.close();
    await rename(`${path}.part`, path);
  } finally {
    await part.close();
  }
}

/** Goes on where the one before it ended; returns at the video's end. @throws CameraFault */
async function attempt(source: CameraSource, guard: Guard, part: FileHandle, progress: Progress, patience: Patience): Promise<void> {
  const { bytes, validator } = progress;
  const range = bytes > 0 && validator !== undefined ? { range: `bytes=${bytes}-`, 'if-range': validator } : undefined;
  const { message: answer } = await patience.wait(get(source, guard, patience.signal, { headers: range }));
  try {
    if (!(range !== undefined && continues(answer, progress))) await begin(source, answer, part, progress);
    const chunks: AsyncIterator<Buffer> = answer[Symbol.asyncIterator]();
    for (;;) {
      const next = await patience.wait(chunks.next()).catch(() => {
        throw patience.signal.reason ?? lostFault(source.url);
      });
      if (next.done === true) return;
      patience.connected = true;
      await part.write(next.value, 0, next.value.length, progress.bytes);
      progress.bytes += next.value.length;
    }
  } finally {
    answer.destroy();
  }
}

/** Whether the answer is the rest of the same video. */
function continues({ statusCode, headers }: IncomingMessage, { bytes, total }: Progress): boolean {
  return statusCode === 206 && headers['content-range'] === `bytes ${bytes}-${total - 1}/${total}`;
}

async function begin(source: CameraSource, { statusCode, headers }: IncomingMessage, part: FileHandle, progress: Progress): Promise<void> {
  const address = scrub(source.url);
  const total = Number(headers['content-length'] ?? NaN);
  if (statusCode !== 200 || !Number.isSafeInteger(total))
    throw new CameraFault(
      'NotRecorded',
      `${address} does not say how long it is, and may have no end: download it by other means, and name the file.`,
    );
  const { bavail, bsize } = await statfs(source.directory!);
  const room = bavail * bsize - SPARE_BYTES;
  if (total > room) {
    const megabytes = (bytes: number) => `${Math.ceil(Math.max(0, bytes) / 1e6)} MB`;
    throw new CameraFault(
      'NotRecorded',
      `${address} has ${megabytes(total)}, and there is room for ${megabytes(room)} in ${source.directory}: set TMPDIR to a folder with more.`,
    );
  }
  await part.truncate(0);
  const tag = headers.etag?.startsWith('"') === true ? headers.etag : undefined;
  Object.assign(progress, { bytes: 0, total, validator: tag ?? headers['last-modified'] });
}
