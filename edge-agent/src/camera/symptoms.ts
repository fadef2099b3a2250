/** What ffmpeg says when it cannot read a source, and the fault that this means. */
import { describeExit, type FfmpegExit } from '#proto/media/ffmpeg.ts';
import { CameraFault } from './faults.ts';

export interface Symptom {
  readonly said: RegExp;
  /** @param detail the first group of `said` that matched, or nothing. */
  readonly fault: (source: string, detail: string) => CameraFault;
}

export const NO_VIDEO: Symptom = {
  said: /matches no streams/,
  fault: (source) => new CameraFault('NoVideoStream', `${source} has no video in it.`),
};

export const UNSUPPORTED_CODEC: Symptom = {
  said: /codec not (?:currently )?supported|Unknown codec|No codec tag|Could not find tag for codec (\w+)|codec frame size is not set/i,
  fault: (source, detail) => {
    const codec = detail === '' ? '' : ` (${detail})`;
    const sentence = `${source} sends video in a codec that is not supported${codec}: set it to H.264, H.265 or MJPEG.`;
    return new CameraFault('UnsupportedCodec', sentence);
  },
};

export const NO_PICTURE_SIZE: Symptom = {
  said: /dimensions not set|Could not find codec parameters for stream 0/,
  fault: (source) => new CameraFault('UnsupportedCodec', `${source} sends video whose picture size ffmpeg cannot determine.`),
};

/** Of the first symptom that ffmpeg shows. */
export function diagnose(symptoms: readonly Symptom[], source: string, exit: FfmpegExit): CameraFault | undefined {
  const words = exit.lastWords.join('\n');
  for (const { said, fault } of symptoms) {
    const match = said.exec(words);
    if (match) return fault(source, match.slice(1).find((group) => group !== undefined) ?? '');
  }
  return undefined;
}

/** That ffmpeg did not start, or was killed: the source has nothing to do with it. */
export function diagnoseReader(source: string, exit: FfmpegExit): CameraFault | undefined {
  return exit.code === undefined ? new CameraFault('ReaderFailed', `${source} could not be read: ${describeExit(exit)}.`) : undefined;
}
