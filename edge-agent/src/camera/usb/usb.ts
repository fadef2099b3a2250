/**
 * A camera at this machine, such as /dev/video0 (Video4Linux), for local mode. Only cameras that encode are read, with H.264 or
 * MJPEG: raw pictures would have to be encoded first, and agents do not.
 */
import { stat } from 'node:fs/promises';
import { NutError } from '#proto/media/nut/nut.ts';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import { demux, type DemuxJob, inputOptionsOf } from '../demux.ts';
import { CameraFault, lostFault, unreadableFault } from '../faults.ts';
import { Patience, type PatienceOptions } from '../patience.ts';
import { diagnose, diagnoseReader, type Symptom } from '../symptoms.ts';

/** The first of them that the camera has. */
const FORMATS = ['h264', 'mjpeg'] as const;

const fault = (reason: CameraFault['reason'], why: string) => (device: string) => new CameraFault(reason, `${device} ${why}.`);

const SYMPTOMS: readonly Symptom[] = [
  { said: /Permission denied/, fault: fault('CameraForbidden', 'may not be opened: add the user to the group video') },
  { said: /Device or resource busy/, fault: fault('CameraRefused', 'is in use by another program') },
  { said: /No such (?:file|device)/, fault: fault('CameraUnreachable', 'is not there: is the camera plugged in?') },
  {
    said: /Cannot find a proper format|Invalid argument|codec not supported|Unknown|Option .* not found/,
    fault: fault('UnsupportedCodec', 'gives neither H.264 nor MJPEG'),
  },
  {
    said: /Not a video capture device|Inappropriate ioctl/,
    fault: fault('NotAVideo', 'is no camera: cameras often have several devices, try the next'),
  },
];

export function usbCamera(source: CameraSource, _guard?: unknown, options: PatienceOptions = {}): Camera {
  const { url } = source;
  return {
    async *read(signal): AsyncGenerator<CameraItem> {
      const found = await stat(url).catch(() => undefined);
      if (found === undefined) throw fault('CameraUnreachable', 'is not there: is the camera plugged in?')(url);
      if (!found.isCharacterDevice()) throw fault('NotAVideo', 'is no device')(url);
      let last: unknown;
      for (const format of FORMATS) {
        const patience = new Patience(url, options, signal);
        try {
          yield* readFormat(url, format, patience);
        } catch (error) {
          if (patience.connected || !(error instanceof CameraFault) || error.reason !== 'UnsupportedCodec') throw error;
          last = error;
        }
      }
      throw last;
    },
  };
}

/** What ffmpeg is asked for. */
export function usbJob(device: string, format: (typeof FORMATS)[number]): DemuxJob {
  const settings = { f: 'video4linux2', input_format: format, fpsprobesize: '0', protocol_whitelist: 'file' };
  return { inputOptions: inputOptionsOf(settings), input: device, fromAnywhere: true };
}

async function* readFormat(url: string, format: (typeof FORMATS)[number], patience: Patience): AsyncGenerator<CameraItem> {
  const items = demux(usbJob(url, format), patience.signal);
  try {
    for (;;) {
      const next = await patience.wait(items.next());
      if (next.done === true) {
        const early = patience.connected ? undefined : diagnose(SYMPTOMS, url, next.value);
        throw early ?? diagnoseReader(url, next.value) ?? lostFault(url);
      }
      if (next.value.kind === 'unit') patience.connected = true;
      yield next.value;
    }
  } catch (error) {
    throw error instanceof NutError ? unreadableFault(url, error) : error;
  } finally {
    await items.return(undefined as never);
  }
}
