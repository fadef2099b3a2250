/**
 * Live video over HTTP or HTTPS: MJPEG, whose pictures have no times and get those of their arrival, or a container without end
 * (MPEG-TS, FLV, Matroska, fragmented MP4). The agent asks; ffmpeg gets the bytes on a pipe and opens no connection.
 */
import { MAX_FRAME_BYTES } from '#proto/media/nut/nut.ts';
import { scrub } from '#proto/process/scrub.ts';
import type { IncomingMessage } from 'node:http';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import { brokenFault, ContainerReader, recordedFault } from '../container.ts';
import { CameraFault, lostFault, unreadableFault } from '../faults.ts';
import type { Guard } from '../guard.ts';
import { Patience, type PatienceOptions } from '../patience.ts';
import { get } from './get.ts';
import { isWhole, type PictureSize, sizeOf } from './jpeg.ts';
import { MultipartError, readParts } from './multipart.ts';

/** A camera whose parts are so often no pictures in a row sends something else. */
const MAX_BAD_PARTS = 20;

export function httpCamera(source: CameraSource, guard: Guard, patience: PatienceOptions = {}): Camera {
  const container = new ContainerReader(source.url);
  return { read: (signal) => read(source, guard, container, new Patience(source.url, patience, signal)) };
}

async function* read(source: CameraSource, guard: Guard, container: ContainerReader, patience: Patience): AsyncGenerator<CameraItem> {
  const { message: answer } = await patience.wait(get(source, guard, patience.signal));
  try {
    const type = (answer.headers['content-type'] ?? '').toLowerCase();
    if (type.startsWith('multipart/')) yield* readPictures(source.url, answer, patience);
    else yield* container.read({ body: liveBody(source.url, answer, type) }, patience);
    // A camera's video has no end.
    throw lostFault(source.url);
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
    throw error instanceof MultipartError ? unreadableFault(url, error) : brokenFault(url, error, patience);
  } finally {
    answer.destroy();
    await parts.return(undefined).catch(() => undefined);
  }
}
