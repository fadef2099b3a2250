/**
 * A network camera over RTSP. Its credentials are read anew at each connect and reach ffmpeg on its standard input, in
 * a script of its concat demuxer: they show in no process list, no environment and no log.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ffmpeg } from '#proto/media/ffmpeg.ts';
import { readNut } from '#proto/media/nut-reader.ts';
import { NutError } from '#proto/media/nut.ts';
import { Watchdog } from '#proto/watchdog.ts';
import { type Camera, type CameraItem, COPY_TO_NUT } from './camera.ts';
import { CameraFault, cameraFault } from './faults.ts';

export interface RtspOptions {
  /** rtsp or rtsps, without credentials. */
  readonly url: string;
  readonly transport: 'tcp' | 'udp';
  /** Holds the files `username` and `password`. */
  readonly credentialsDirectory?: string;
  /** Without an access unit for this long the camera is taken for dead. Default 10. */
  readonly silenceSeconds?: number;
}

interface Credentials {
  readonly username: string;
  readonly password: string;
}

const SILENCE_SECONDS = 10;
/** For one answer of the camera; its silence in mid-stream is ours to notice. */
const SOCKET_TIMEOUT_SECONDS = 5;

export function rtspCamera(options: RtspOptions): Camera {
  return { read: (signal) => connect(options, signal) };
}

async function* connect(options: RtspOptions, signal: AbortSignal): AsyncGenerator<CameraItem> {
  const { url, credentialsDirectory, silenceSeconds = SILENCE_SECONDS } = options;
  const credentials = credentialsDirectory === undefined ? undefined : await readCredentials(url, credentialsDirectory);
  const ffmpeg = new Ffmpeg({
    inputOptions: [
      // Live: hand over what comes, look at no more of it than the headers need.
      ...['-fflags', 'nobuffer', '-analyzeduration', '2000000'],
      ...['-f', 'concat', '-safe', '0', '-protocol_whitelist', 'pipe,rtsp,rtsps,rtp,srtp,tcp,udp,tls,crypto'],
    ],
    input: 'pipe:0',
    outputOptions: COPY_TO_NUT,
    secrets: credentials === undefined ? [] : [credentials.password],
  });
  let silent = false;
  const stop = (): void => void ffmpeg.stop();
  const watchdog = new Watchdog(silenceSeconds, () => {
    silent = true;
    stop();
  });
  signal.addEventListener('abort', stop, { once: true });
  let connected = false;
  try {
    await ffmpeg.write(Buffer.from(script(options, credentials)));
    ffmpeg.end();
    const { codec, units } = await readNut(ffmpeg.output);
    yield { kind: 'codec', codec };
    for await (const unit of units) {
      connected = true;
      watchdog.heard();
      yield { kind: 'unit', unit };
    }
  } catch (error) {
    if (!(error instanceof NutError)) throw error;
  } finally {
    watchdog.stop();
    signal.removeEventListener('abort', stop);
    await ffmpeg.stop();
  }
  signal.throwIfAborted();
  if (silent) throw new CameraFault('CameraSilent', `${url} has sent nothing for ${silenceSeconds} s.`);
  throw cameraFault(url, await ffmpeg.exit, connected);
}

/** https://ffmpeg.org/ffmpeg-formats.html#concat */
function script({ url, transport }: RtspOptions, credentials: Credentials | undefined): string {
  return [
    'ffconcat version 1.0',
    `file '${percentEncodeQuotes(withCredentials(url, credentials))}'`,
    `option rtsp_transport ${transport}`,
    `option timeout ${SOCKET_TIMEOUT_SECONDS * 1_000_000}`,
    '',
  ].join('\n');
}

function withCredentials(url: string, credentials: Credentials | undefined): string {
  if (credentials === undefined) return url;
  const [scheme, rest] = url.split('://', 2);
  return `${scheme}://${encodeURIComponent(credentials.username)}:${encodeURIComponent(credentials.password)}@${rest}`;
}

/** What would end the quoted string or the line. */
function percentEncodeQuotes(text: string): string {
  return text.replaceAll(/['\\\s]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

async function readCredentials(url: string, directory: string): Promise<Credentials> {
  const read = async (name: string): Promise<string> => {
    const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
    if (text === undefined) throw new CameraFault('CredentialsMissing', `The credentials of ${url} are missing: there is no ${join(directory, name)}.`);
    return text.replace(/\r?\n$/, '');
  };
  return { username: await read('username'), password: await read('password') };
}
