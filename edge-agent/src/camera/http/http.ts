/**
 * Live video over HTTP or HTTPS: MJPEG, whose pictures have no times and get those of their arrival, or a container without end
 * (MPEG-TS, FLV, Matroska, fragmented MP4). The agent asks; ffmpeg gets the bytes on a pipe and opens no connection.
 */
import { MAX_FRAME_BYTES, NutError } from '#proto/media/nut/nut.ts';
import { scrub } from '#proto/process/scrub.ts';
import type { IncomingMessage } from 'node:http';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import { demux } from '../demux.ts';
import { CameraFault, lostFault, unreadableFault } from '../faults.ts';
import type { Guard } from '../guard.ts';
import { Patience, type PatienceOptions } from '../patience.ts';
import { diagnose, diagnoseReader, NO_PICTURE_SIZE, NO_VIDEO, UNSUPPORTED_CODEC } from '../symptoms.ts';
import { get } from './get.ts';
import { isWhole, type PictureSize, sizeOf } from './jpeg.ts';
import { MultipartError, readParts } from './multipart.ts';

const MAX_ALLOCATION_BYTES = 4 * MAX_FRAME_BYTES;
/** A camera whose parts are so often no pictures in a row sends something else. */
const MAX_BAD_PARTS = 20;
/** Live video may begin with some seconds that the server has kept; a recording is ahead of time without end. */
const MAX_AHEAD_MICROS = 60e6;

/**
 * How much video ffmpeg analyses before it hands anything over. Of MPEG-TS and FLV always all of it, so no more than is needed;
 * where no keyframe, and so no size, was in it, the next connection has more.
 */
const ANALYSIS = { leastSeconds: 1, mostSeconds: 16, factor: 4 };

export function httpCamera(source: CameraSource, guard: Guard, patience: PatienceOptions = {}): Camera {
  const analysis = { seconds: ANALYSIS.leastSeconds };
  return { read: (signal) => read(source, guard, analysis, new Patience(source.url, patience, signal)) };
}

async function* read(source: CameraSource, guard: Guard, analysis: { seconds: number }, patience: Patience): AsyncGenerator<CameraItem> {
  const answer = await patience.wait(get(source, guard, patience.signal));
  try {
    const type = (answer.headers['content-type'] ?? '').toLowerCase();
    if (type.startsWith('multipart/')) yield* readPictures(source.url, answer, patience);
    else yield* readContainer(source.url, liveBody(source.url, answer, type), analysis.seconds, patience);
  } catch (error) {
    if (error instanceof CameraFault && error.reason === 'UnsupportedCodec')
      analysis.seconds = Math.min(ANALYSIS.mostSeconds, analysis.seconds * ANALYSIS.factor);
    throw error;
  } finally {
    answer.destroy();
  }
}

/** @throws CameraFault for what is evidently no live video. */
function liveBody(url: string, answer: IncomingMessage, type: string): IncomingMessage {
  const address = scrub(url);
  if (/^text\/html|^application\/(json|xhtml)/.test(type))
    throw new CameraFault('NotAVideo', `${address} is a page, not video: name the address of the camera's stream.`);
  if (type.startsWith('image/'))
    throw new CameraFault(
      'NotAVideo',
      `${address} is a single picture: name the address of the camera's stream (MJPEG, often mjpg or video.cgi).`,
    );
  const bytes = answer.headers['content-length'];
  if (bytes !== undefined) throw recordedFault(url, `has an end, after ${bytes.slice(0, 20)} bytes`);
  return answer;
}

function recordedFault(url: string, why: string): CameraFault {
  const way = 'an address is read as a recording if it ends in .mp4, .mkv, .ts or the like; or download it, and name the file';
  return new CameraFault('NotLive', `${scrub(url)} is no live video (it ${why}): ${way}.`);
}

async function* readPictures(url: string, answer: IncomingMessage, patience: Patience): AsyncGenerator<CameraItem> {
  const parts = readParts(answer, MAX_FRAME_BYTES);
  const startedAt = performance.now();
  let size: PictureSize | undefined;
  let [bad, newestMicros] = [0, -1];
  try {
    for (;;) {
      const next = await patience.wait(parts.next());
      if (next.done === true) throw lostFault(url);
      const found = isWhole(next.value) ? sizeOf(next.value) : undefined;
      if (found === undefined) {
        bad += 1;
        if (bad < MAX_BAD_PARTS) continue;
        throw new CameraFault('UnsupportedCodec', `${scrub(url)} sends parts that are no JPEG pictures: set it to MJPEG.`);
      }
      bad = 0;
      // A decoder is made for one size: the next connection begins with the other.
      if (size !== undefined && (found.width !== size.width || found.height !== size.height))
        throw new CameraFault('CameraLost', `${scrub(url)} has changed the size of its pictures.`);
      if (size === undefined) yield { kind: 'codec', codec: { fourcc: 'MJPG', privateData: new Uint8Array(), ...found, decodeDelay: 0 } };
      size = found;
      patience.connected = true;
      newestMicros = Math.max(newestMicros + 1, Math.round((performance.now() - startedAt) * 1000));
      yield { kind: 'unit', unit: { presentationMicros: newestMicros, keyframe: true, data: next.value } };
    }
  } catch (error) {
    throw brokenFault(url, error, patience);
  } finally {
    answer.destroy();
    await parts.return(undefined).catch(() => undefined);
  }
}

async function* readContainer(
  url: string,
  answer: IncomingMessage,
  analysisSeconds: number,
  patience: Patience,
): AsyncGenerator<CameraItem> {
  const settings = {
    fpsprobesize: 0,
    analyzeduration: analysisSeconds * 1_000_000,
    fflags: '+genpts',
    protocol_whitelist: 'pipe',
    max_alloc: MAX_ALLOCATION_BYTES,
  };
  const inputOptions = Object.entries(settings).flatMap(([name, value]) => [`-${name}`, String(value)]);
  const filter = String.raw`noise=drop=eq(pts\,nopts)`;
  const items = demux({ inputOptions, input: 'pipe:0', feed: quietly(answer), filter, fromAnywhere: true }, patience.signal);
  let aheadFrom: number | undefined;
  try {
    for (;;) {
      const next = await patience.wait(items.next());
      if (next.done === true) {
        const symptoms = [NO_VIDEO, UNSUPPORTED_CODEC, NO_PICTURE_SIZE];
        const early = patience.connected ? undefined : diagnose(symptoms, scrub(url), next.value);
        throw early ?? diagnoseReader(scrub(url), next.value) ?? (patience.connected ? lostFault(url) : noVideoFault(url));
      }
      if (next.value.kind === 'unit') {
        patience.connected = true;
        const aheadMicros = next.value.unit.presentationMicros - performance.now() * 1000;
        aheadFrom ??= aheadMicros;
        if (aheadMicros - aheadFrom > MAX_AHEAD_MICROS) throw recordedFault(url, 'comes faster than it happens');
      }
      yield next.value;
    }
  } catch (error) {
    throw brokenFault(url, error, patience);
  } finally {
    answer.destroy();
    await items.return(undefined as never);
  }
}

function noVideoFault(url: string): CameraFault {
  return new CameraFault('NotAVideo', `${scrub(url)} is not a video that ffmpeg can read.`);
}

/** A body that breaks off just ends. */
async function* quietly(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch {
    // ffmpeg's end tells.
  }
}

function brokenFault(url: string, error: unknown, { signal }: Patience): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof MultipartError || error instanceof NutError) return unreadableFault(url, error);
  return error instanceof CameraFault ? error : lostFault(url);
}
