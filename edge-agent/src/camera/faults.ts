/** Why a camera or file gives no (more) video: what ffmpeg said, in words for the person who has to mend it. */
import { describeExit, type FfmpegExit } from '#proto/media/ffmpeg.ts';
import { scrub } from '#proto/process/scrub.ts';

export type FaultReason =
  | 'FileMissing'
  | 'FileEmpty'
  | 'NotAVideo'
  | 'NoVideoStream'
  | 'FileCutShort'
  | 'CameraUnreachable'
  | 'CameraForbidden'
  | 'CameraUnauthorized'
  | 'CameraPathUnknown'
  | 'CredentialsMissing'
  | 'UnsupportedCodec'
  | 'CameraRefused'
  | 'CameraSilent'
  | 'CameraLost'
  | 'ReaderFailed';

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

const TEMPORARY: ReadonlySet<FaultReason> = new Set([
  'FileCutShort',
  'CameraUnreachable',
  'CameraRefused',
  'CameraSilent',
  'CameraLost',
  'ReaderFailed',
]);

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
  sentence: (source, detail) =>
    `${source} sends video in a codec that is not supported${detail === '' ? '' : ` (${detail})`}: set it to H.264, H.265 or MJPEG.`,
};

const UNCLEAR: Telling = {
  said: /dimensions not set|Could not find codec parameters for stream 0/,
  reason: 'UnsupportedCodec',
  sentence: (source) => `${source} sends video that ffmpeg cannot make out a picture size of.`,
};

const OF_FILES: readonly Telling[] = [
  NO_VIDEO,
  UNSUPPORTED,
  UNCLEAR,
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
    // After 401 and 404: whatever else it answers.
    said: /method \w+ failed: (\d{3} [^\n]*?)\s*$|Server returned (\d[^\n]*)/m,
    reason: 'CameraRefused',
    sentence: (camera, detail) => `${camera}: the camera refuses (${detail}).`,
  },
  {
    said: /(Connection refused)|(No route to host)|(Network is unreachable)|(?:Failed to resolve hostname [^:]*: )(.*)|(Connection timed out)|(Operation timed out)/,
    reason: 'CameraUnreachable',
    sentence: (camera, detail) => `${camera} cannot be reached: ${detail.toLowerCase()}.`,
  },
  {
    said: /\[tls @/,
    reason: 'CameraUnreachable',
    sentence: (camera) => `${camera} cannot be reached: no secure connection comes about.`,
  },
  UNCLEAR,
  {
    said: /Impossible to open|Invalid data found/,
    reason: 'CameraUnreachable',
    sentence: (camera) => `${camera} cannot be reached: what answers there breaks off or does not speak RTSP.`,
  },
];

/** A file that ffmpeg would not open, or that it died over. */
export function fileFault(file: string, exit: FfmpegExit): CameraFault {
  return told(OF_FILES, file, exit) ?? died(file, exit) ?? new CameraFault('NotAVideo', `${file} is not a video that ffmpeg can read.`);
}

/** A file that was read to its end: what was wrong on the way, or nothing. Damage within a picture shows to a decoder only. */
export function fileVerdict(file: string, exit: FfmpegExit): CameraFault | undefined {
  const damage =
    /partial file|ended prematurely|packet corrupt|corrupt input packet|Truncat|Invalid NAL unit size|missing picture in access unit/i;
  const damaged = exit.lastWords.some((line) => damage.test(line));
  if (!damaged && exit.code === 0) return undefined;
  return new CameraFault('FileCutShort', `${file} is cut short or damaged: what could be read of it was counted.`);
}

/** It holds what is too large, or not what ffmpeg says of it. @param begun whether video came before that. */
export function unreadableFileFault(file: string, { message }: Error, begun: boolean): CameraFault {
  return begun
    ? new CameraFault('FileCutShort', `${file} cannot be read to its end: ${message}. What came before was counted.`)
    : new CameraFault('NotAVideo', `${file} cannot be read: ${message}.`);
}

/** A camera that would not connect, or hung up. @param connected whether it had sent video. */
export function cameraFault(url: string, exit: FfmpegExit, connected: boolean): CameraFault {
  const camera = scrub(url);
  const gone = died(camera, exit) ?? new CameraFault('CameraLost', `${camera}: the camera ended the stream.`);
  return (connected ? undefined : told(OF_CAMERAS, camera, exit)) ?? gone;
}

/** A camera that was waited for in vain. @param connected whether it had sent video. */
export function silenceFault(url: string, seconds: number, connected: boolean): CameraFault {
  const camera = scrub(url);
  return connected
    ? new CameraFault('CameraSilent', `${camera} has sent nothing for ${seconds} s.`)
    : new CameraFault('CameraUnreachable', `${camera} cannot be reached: there is no video after ${seconds} s.`);
}

export function clockFault(url: string): CameraFault {
  return new CameraFault('CameraLost', `${scrub(url)} has set its clock back, or has none that goes.`);
}

/** What it sends is too large, or not what ffmpeg says of it. */
export function unreadableFault(url: string, { message }: Error): CameraFault {
  return new CameraFault('ReaderFailed', `${scrub(url)} cannot be read: ${message}.`);
}

/** What errors of connecting mean, in ffmpeg's words: it was ffmpeg that connected once, and scripts may know them. */
const IN_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'its name cannot be looked up now',
};

/** A camera to which no connection came about. */
export function unreachableFault(url: string, { code = '' }: NodeJS.ErrnoException): CameraFault {
  return new CameraFault('CameraUnreachable', `${scrub(url)} cannot be reached: ${IN_WORDS[code] ?? 'no connection comes about'}.`);
}

/** @param why half a sentence: of the address, or of what was answered there. */
export function forbiddenFault(url: string, why: string): CameraFault {
  return new CameraFault('CameraForbidden', `${scrub(url)} is not read: ${why}.`);
}

/** A secret that is not there, or not whole. @param key of the secret. */
export function credentialsFault(url: string, key: string, file: string): CameraFault {
  return new CameraFault(
    'CredentialsMissing',
    `${scrub(url)} cannot be asked for video: its secret has no key ${key} (there is no file ${file}).`,
  );
}

/** Not the source's doing. */
function died(source: string, exit: FfmpegExit): CameraFault | undefined {
  return exit.code === undefined ? new CameraFault('ReaderFailed', `${source} could not be read: ${describeExit(exit)}.`) : undefined;
}

function told(tellings: readonly Telling[], source: string, exit: FfmpegExit): CameraFault | undefined {
  const words = exit.lastWords.join('\n');
  for (const { said, reason, sentence } of tellings) {
    const match = said.exec(words);
    if (match) return new CameraFault(reason, sentence(source, match.slice(1).find((group) => group !== undefined) ?? ''));
  }
  return undefined;
}
