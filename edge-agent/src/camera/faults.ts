/** Why a camera or file gives no (more) video, in a sentence for the person who has to fix it. Sentences hold no credentials. */
import { scrub } from '#proto/process/scrub.ts';

export type FaultReason =
  | 'FileMissing'
  | 'FileEmpty'
  | 'NotAVideo'
  | 'NoVideoStream'
  | 'FileCutShort'
  | 'CameraUnreachable'
  | 'CameraForbidden'
  | 'CameraUntrusted'
  | 'CameraUnauthorized'
  | 'CameraPathUnknown'
  | 'CredentialsMissing'
  | 'UnsupportedCodec'
  | 'CameraRefused'
  | 'CameraSilent'
  | 'CameraNoKeyframe'
  | 'CameraClockWrong'
  | 'CameraSeveralVideos'
  | 'CameraLost'
  | 'InputMissing'
  | 'NotLive'
  | 'NotRecorded'
  | 'ReaderFailed';

export class CameraFault extends Error {
  override readonly name = 'CameraFault';
  readonly reason: FaultReason;

  constructor(reason: FaultReason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }

  get sentence(): string {
    return this.message;
  }

  /** Whether only the user can fix it: trying again will not. */
  get badInput(): boolean {
    return !TRANSIENT.has(this.reason);
  }
}

const TRANSIENT: ReadonlySet<FaultReason> = new Set([
  'FileCutShort',
  'CameraUnreachable',
  'CameraRefused',
  'CameraSilent',
  'CameraNoKeyframe',
  'CameraClockWrong',
  'CameraSeveralVideos',
  'CameraLost',
  'ReaderFailed',
]);

/** What errors of connecting mean, in the words of ffmpeg: users may match them in scripts. */
const CONNECT_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'its name cannot be looked up now',
};

export function unreachableFault(url: string, { code = '' }: NodeJS.ErrnoException): CameraFault {
  const why = CONNECT_ERRORS[code] ?? 'no connection could be made';
  return new CameraFault('CameraUnreachable', `${scrub(url)} cannot be reached: ${why}.`);
}

/** @param why half a sentence: of the address, or of what was answered there. */
export function forbiddenFault(url: string, why: string): CameraFault {
  return new CameraFault('CameraForbidden', `${scrub(url)} is not read: ${why}.`);
}

/** @param why of TLS. */
export function untrustedFault(url: string, { message }: Error): CameraFault {
  const way =
    'put its authority into the key ca.crt of the secret that source.credentialsSecretRef names, or set source.insecureSkipTLSVerify';
  return new CameraFault(
    'CameraUntrusted',
    `${scrub(url)} shows a certificate that is not trusted (${message.split('\n', 1)[0]}): ${way}.`,
  );
}

export function unauthorizedFault(url: string): CameraFault {
  const sentence = `${scrub(url)} refused the user name or password: check the secret that source.credentialsSecretRef names.`;
  return new CameraFault('CameraUnauthorized', sentence);
}

/** @param asked how the camera asks for a login. */
export function loginFault(url: string, asked: string): CameraFault {
  const sentence = `${scrub(url)} asks for a login in a way that is not supported (${scrub(asked).slice(0, 100)}): set its authentication to digest.`;
  return new CameraFault('CameraUnauthorized', sentence);
}

/** @param key of the secret. */
export function credentialsFault(url: string, key: string, file: string): CameraFault {
  const sentence = `${scrub(url)} cannot be asked for video: its secret has no key ${key} (there is no file ${file}).`;
  return new CameraFault('CredentialsMissing', sentence);
}

export function pathUnknownFault(url: string): CameraFault {
  return new CameraFault('CameraPathUnknown', `${scrub(url)}: the camera has no stream of that path.`);
}

/** @param answer the camera's own words. */
export function refusedFault(url: string, answer: string): CameraFault {
  return new CameraFault('CameraRefused', `${scrub(url)}: the camera refuses (${answer}).`);
}

/** @param connected whether it had sent video. */
export function silenceFault(url: string, seconds: number, connected: boolean): CameraFault {
  return connected
    ? new CameraFault('CameraSilent', `${scrub(url)} has sent nothing for ${seconds} s.`)
    : new CameraFault('CameraUnreachable', `${scrub(url)} cannot be reached: there is no video after ${seconds} s.`);
}

/** It says that it sends video, and none arrives. */
export function missingDatagramsFault(url: string, seconds: number): CameraFault {
  const sentence = `${scrub(url)} sends no video that arrives over UDP in ${seconds} s: set source.transport to tcp, or open the network for it.`;
  return new CameraFault('CameraSilent', sentence);
}

/** Video comes, and nothing of it can be decoded. */
export function keyframeFault(url: string, seconds: number): CameraFault {
  const why = `sends no keyframe for ${seconds} s, and counting begins with one`;
  const sentence = `${scrub(url)} ${why}: set a shorter keyframe interval (GOP, I-frame interval) in the camera, or turn off its "smart" codec.`;
  return new CameraFault('CameraNoKeyframe', sentence);
}

/** @param rate how many times as fast as they come. */
export function clockRateFault(url: string, rate: number): CameraFault {
  const pace = rate > 1 ? `${rate.toFixed(1)} times as fast as` : `${(1 / rate).toFixed(1)} times slower than`;
  const why = `the times of its pictures run ${pace} they arrive, so its clock is wrong, and they are counted by the time of arrival`;
  return new CameraFault('CameraClockWrong', `${scrub(url)}: ${why}. Set a frame rate that the camera keeps, or update its firmware.`);
}

export function lostFault(url: string): CameraFault {
  return new CameraFault('CameraLost', `${scrub(url)}: the camera ended the stream.`);
}

/** What it sends is too large, or is not what it was announced to be. */
export function unreadableFault(url: string, { message }: Error): CameraFault {
  return new CameraFault('ReaderFailed', `${scrub(url)} cannot be read: ${message}.`);
}
