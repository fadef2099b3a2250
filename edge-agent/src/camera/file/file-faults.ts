/** Why a file gives no (more) video. */
import type { FfmpegExit } from '#proto/media/ffmpeg.ts';
import { CameraFault } from '../faults.ts';
import { diagnose, diagnoseReader, NO_PICTURE_SIZE, NO_VIDEO, type Symptom, UNSUPPORTED_CODEC } from '../symptoms.ts';

const SYMPTOMS: readonly Symptom[] = [
  NO_VIDEO,
  UNSUPPORTED_CODEC,
  NO_PICTURE_SIZE,
  { said: /No such file/, fault: missingFault },
  { said: /Permission denied/, fault: (file) => new CameraFault('FileMissing', `${file} may not be read.`) },
  { said: /Is a directory/, fault: (file) => new CameraFault('NotAVideo', `${file} is a folder, not a video.`) },
];

const DAMAGE =
  /partial file|ended prematurely|packet corrupt|corrupt input packet|Truncat|Invalid NAL unit size|missing picture in access unit/i;

export function missingFault(file: string): CameraFault {
  return new CameraFault('FileMissing', `There is no file ${file}.`);
}

export function emptyFault(file: string): CameraFault {
  return new CameraFault('FileEmpty', `${file} is empty.`);
}

/** ffmpeg did not open the file, or died while it read it. */
export function openFault(file: string, exit: FfmpegExit): CameraFault {
  const unknown = new CameraFault('NotAVideo', `${file} is not a video that ffmpeg can read.`);
  return diagnose(SYMPTOMS, file, exit) ?? diagnoseReader(file, exit) ?? unknown;
}

/** A file that was read to its end: what was wrong on the way, or nothing. Only a decoder sees damage within a picture. */
export function fileVerdict(file: string, exit: FfmpegExit): CameraFault | undefined {
  const damaged = exit.lastWords.some((line) => DAMAGE.test(line));
  if (!damaged && exit.code === 0) return undefined;
  return new CameraFault('FileCutShort', `${file} is cut short or damaged: what could be read of it was counted.`);
}

/** Its content is too large, or is not what ffmpeg announced. @param begun whether video came before that. */
export function contentFault(file: string, { message }: Error, begun: boolean): CameraFault {
  return begun
    ? new CameraFault('FileCutShort', `${file} cannot be read to its end: ${message}. What came before was counted.`)
    : new CameraFault('NotAVideo', `${file} cannot be read: ${message}.`);
}
