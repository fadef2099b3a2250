/**
 * A network camera over RTSP. Its credentials are read anew at each connect and reach ffmpeg on its standard input, in
 * a script of its concat demuxer: they show in no process list, no environment and no log.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_FRAME_BYTES, NutError } from '#proto/media/nut/nut.ts';
import type { Camera, CameraItem } from '../camera.ts';
import { demux, type DemuxJob } from '../demux.ts';
import { cameraFault, clockFault, credentialsFault, silenceFault, unreadableFault } from '../faults.ts';
import type { CameraNetworks } from '../networks.ts';
import { openRelay } from './relay.ts';

export interface RtspOptions {
  /** rtsp or rtsps, without credentials. */
  readonly url: string;
  readonly transport: 'tcp' | 'udp';
  /** Holds the files `username` and `password`. */
  readonly credentialsDirectory?: string;
  /** Left out, in local mode, a camera may be anywhere. */
  readonly networks?: CameraNetworks;
  /**
   * From dialing to the first access unit. Default 20: some cameras say with a keyframe only what they send, and those
   * may be 10 s apart.
   */
  readonly connectSeconds?: number;
  /** Without an access unit for this long the camera is taken for dead. Default 10. */
  readonly silenceSeconds?: number;
}

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Longer than ours, which tell more: this one is for a child whose parent was killed while the camera was silent. */
const SOCKET_TIMEOUT_SECONDS = 60;

/**
 * Of a camera that sets its clock back ffmpeg makes each access unit one tick younger than the one before, until the clock
 * is there again: time would stand still, and nobody be counted. No camera takes so many pictures in so little time.
 */
const STANDING = { units: 5, micros: 1000 };

/** Of one piece of memory: four of the largest pictures that are taken from a camera. */
const MAX_ALLOCATION_BYTES = 4 * MAX_FRAME_BYTES;

/**
 * What ffmpeg looks at before it hands anything over. Not the frame rate: that would take 20 pictures more. But the
 * picture's size, for as long as the connection lasts. In the script for the camera, as arguments for the script.
 */
const ANALYSIS = { fpsprobesize: 0, analyzeduration: SOCKET_TIMEOUT_SECONDS * 1_000_000 };

export function rtspCamera(options: RtspOptions): Camera {
  let attempt = 0;
  return { read: (signal) => connect(options, (attempt += 1), signal) };
}

async function* connect(options: RtspOptions, attempt: number, signal: AbortSignal): AsyncGenerator<CameraItem> {
  const { url, credentialsDirectory, connectSeconds = 20, silenceSeconds = 10 } = options;
  const credentials = credentialsDirectory === undefined ? undefined : await readCredentials(url, credentialsDirectory);
  const patience = new AbortController();
  const either = AbortSignal.any([signal, patience.signal]);
  const late = setTimeout(() => patience.abort(silenceFault(url, connectSeconds, false)), connectSeconds * 1000);
  const relay = await openRelay({ url, networks: options.networks, attempt }, either).finally(() => clearTimeout(late));
  const items = demux(demuxJob(options, relay.port, credentials), either);
  let connected = false;
  const wait = async (): ReturnType<typeof items.next> => {
    // Anew for each item: time that the reader takes is not the camera's.
    const seconds = connected ? silenceSeconds : connectSeconds;
    const timer = setTimeout(() => patience.abort(silenceFault(url, seconds, connected)), seconds * 1000);
    return items.next().finally(() => clearTimeout(timer));
  };
  let [standing, previousMicros] = [0, -Infinity];
  try {
    for (;;) {
      const next = await wait();
      if (next.done === true) throw relay.fault() ?? cameraFault(url, next.value, connected);
      if (next.value.kind === 'unit') {
        connected = true;
        const { presentationMicros } = next.value.unit;
        standing = Math.abs(presentationMicros - previousMicros) < STANDING.micros ? standing + 1 : 0;
        if (standing === STANDING.units) throw clockFault(url);
        previousMicros = presentationMicros;
      }
      yield next.value;
    }
  } catch (error) {
    throw error instanceof NutError ? unreadableFault(url, error) : error;
  } finally {
    await items.return(undefined as never);
    relay.close();
  }
}

function demuxJob(options: RtspOptions, port: number, credentials: Credentials | undefined): DemuxJob {
  return {
    inputOptions: [
      ...Object.entries(ANALYSIS).flatMap(([name, value]) => [`-${name}`, String(value)]),
      '-f',
      'concat',
      '-safe',
      '0',
      '-protocol_whitelist',
      'pipe,rtsp,rtp,tcp,udp',
      '-max_alloc',
      String(MAX_ALLOCATION_BYTES),
    ],
    input: 'pipe:0',
    script: script(options, port, credentials),
    // Whoever comes in the middle of pictures that refer forwards gets some without a time, and the muxer would give up over them.
    filter: String.raw`noise=drop=eq(pts\,nopts)`,
    secrets: credentials === undefined ? [] : [credentials.password],
  };
}

/** https://ffmpeg.org/ffmpeg-formats.html#concat */
function script({ url, transport }: RtspOptions, port: number, credentials: Credentials | undefined): string {
  const settings = {
    rtsp_transport: transport,
    timeout: SOCKET_TIMEOUT_SECONDS * 1_000_000,
    // Sound would only take the network's time.
    allowed_media_types: 'video',
    ...ANALYSIS,
  };
  return [
    'ffconcat version 1.0',
    `file '${percentEncodeQuotes(withCredentials(throughRelay(url, port), credentials))}'`,
    ...Object.entries(settings).map(([name, value]) => `option ${name} ${value}`),
    '',
  ].join('\n');
}

/** Only what follows the host is the camera's. */
function throughRelay(url: string, port: number): string {
  return `rtsp://127.0.0.1:${port}${/^rtsps?:\/\/[^/?]*(.*)$/s.exec(url)?.[1] ?? ''}`;
}

function withCredentials(url: string, credentials: Credentials | undefined): string {
  if (credentials === undefined) return url;
  return url.replace('://', () => `://${encodeURIComponent(credentials.username)}:${encodeURIComponent(credentials.password)}@`);
}

/** What would end the quoted string or the line. */
function percentEncodeQuotes(text: string): string {
  return text.replaceAll(/['\\\s]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

async function readCredentials(url: string, directory: string): Promise<Credentials> {
  const read = async (name: string): Promise<string> => {
    const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
    if (text === undefined) throw credentialsFault(url, name, join(directory, name));
    return text.replace(/\r?\n$/, '');
  };
  return { username: await read('username'), password: await read('password') };
}
