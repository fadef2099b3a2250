/** Why a camera or file gives no (more) video: what ffmpeg said, in words for the person who has to mend it. */
import { describeExit, type FfmpegExit } from '#proto/media/ffmpeg.ts';

export type FaultReason =
  | 'FileMissing'
  | 'FileEmpty'
  | 'NotAVideo'
  | 'NoVideoStream'
  | 'FileCutShort'
  | 'CameraUnreachable'
  | 'CameraUnauthorized'
  | 'CameraPathUnknown'
  | 'CredentialsMissing'
  | 'UnsupportedCodec'
  | 'CameraSilent'
  | 'CameraLost';

export class CameraFault extends Error {
  override readonly name = 'CameraFault';
  readonly reason: FaultReason;

  constructor(reason: FaultReason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }

  /** One sentence, without credentials. */
  get sentence(): string {
    return this.message;
  }

  /** Whether only the user can mend it: trying again will not. */
  get badInput(): boolean {
    return !TEMPORARY.has(this.reason);
  }
}

const TEMPORARY: ReadonlySet<FaultReason> = new Set(['FileCutShort', 'CameraUnreachable', 'CameraSilent', 'CameraLost']);

interface Telling {
  readonly said: RegExp;
  readonly reason: FaultReason;
  readonly sentence: (source: string, detail: string) => string;
}

const NO_VIDEO: Telling = {
  said: /matches no streams/,
  reason: 'NoVideoStream',
  sentence: (source) => `${source} has no video in it.`,
};

const UNSUPPORTED: Telling = {
  said: /codec not (?:currently )?supported|Unknown codec|No codec tag|Could not find tag for codec (\w+)|codec frame size is not set/i,
  reason: 'UnsupportedCodec',
  sentence: (source, detail) => `${source} sends video in a codec that is not supported${detail === '' ? '' : ` (${detail})`}: set it to H.264, H.265 or MJPEG.`,
};

const OF_FILES: readonly Telling[] = [
  NO_VIDEO,
  UNSUPPORTED,
  { said: /No such file/, reason: 'FileMissing', sentence: (file) => `There is no file ${file}.` },
  { said: /Permission denied/, reason: 'FileMissing', sentence: (file) => `${file} may not be read.` },
  { said: /Is a directory/, reason: 'NotAVideo', sentence: (file) => `${file} is a folder, not a video.` },
];

const OF_CAMERAS: readonly Telling[] = [
  NO_VIDEO,
  UNSUPPORTED,
  {
    said: /401 Unauthorized|403 Forbidden|authorization failed/i,
    reason: 'CameraUnauthorized',
    sentence: (camera) => `${camera} refused the user name or password: check the secret that source.credentialsSecretRef names.`,
  },
  {
    said: /404 (?:Stream )?Not Found/i,
    reason: 'CameraPathUnknown',
    sentence: (camera) => `${camera}: the camera has no stream of that path.`,
  },
  {
    said: /(Connection refused)|(No route to host)|(Network is unreachable)|(?:Failed to resolve hostname [^:]*: )(.*)|(Connection timed out)|(Operation timed out)/,
    reason: 'CameraUnreachable',
    sentence: (camera, detail) => `${camera} cannot be reached: ${detail.toLowerCase()}.`,
  },
];

/** A file that ffmpeg would not open. */
export function fileFault(file: string, exit: FfmpegExit): CameraFault {
  return told(OF_FILES, file, exit) ?? new CameraFault('NotAVideo', `${file} is not a video: ${lowerFirst(describeExit(exit).replace(`${file}: `, ''))}.`);
}

/** A file that was read to its end: what was wrong on the way, or nothing. */
export function fileVerdict(file: string, exit: FfmpegExit): CameraFault | undefined {
  const damaged = exit.lastWords.some((line) => /partial file|ended prematurely|corrupt input packet|Truncat/i.test(line));
  if (!damaged && exit.code === 0) return undefined;
  return new CameraFault('FileCutShort', `${file} is cut short or damaged: what could be read of it was counted.`);
}

/** A camera that would not connect, or hung up. @param connected whether it had sent video. */
export function cameraFault(camera: string, exit: FfmpegExit, connected: boolean): CameraFault {
  const lost = new CameraFault('CameraLost', `${camera} stopped sending: ${lowerFirst(describeExit(exit))}.`);
  if (connected) return told(OF_CAMERAS.filter(({ reason }) => reason === 'CameraUnauthorized'), camera, exit) ?? lost;
  return told(OF_CAMERAS, camera, exit) ?? new CameraFault('CameraUnreachable', `${camera} gives no video: ${lowerFirst(describeExit(exit))}.`);
}

function told(tellings: readonly Telling[], source: string, exit: FfmpegExit): CameraFault | undefined {
  const words = exit.lastWords.join('\n');
  for (const { said, reason, sentence } of tellings) {
    const match = said.exec(words);
    if (match) return new CameraFault(reason, sentence(source, match.slice(1).find((group) => group !== undefined) ?? ''));
  }
  return undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
