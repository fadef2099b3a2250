/**
 * A network camera over RTSP. Its credentials reach ffmpeg on standard input, in a script of ffmpeg's concat demuxer: they show
 * in no process list, no environment and no log.
 */
import { MAX_FRAME_BYTES, NutError } from '#proto/media/nut/nut.ts';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import { type Credentials, readCredentials } from '../credentials.ts';
import { demux, type DemuxJob } from '../demux.ts';
import { unreadableFault } from '../faults.ts';
import type { Guard } from '../guard.ts';
import { Patience, type PatienceOptions } from '../patience.ts';
import { openRelay } from './relay.ts';
import { clockFault, rtspFault } from './rtsp-faults.ts';

/** Longer than the agent's own limits: it ends a child whose agent was killed while the camera was silent. */
const SOCKET_TIMEOUT_SECONDS = 60;

/**
 * Of a camera that sets its clock back ffmpeg makes each access unit one tick later than the one before, until the clock has
 * caught up: time would stand still, and people would not be counted. No camera takes so many pictures in so little time.
 */
const STANDING_CLOCK = { units: 5, micros: 1000 };

/** Of one piece of memory: four of the largest pictures that are accepted from a camera. */
const MAX_ALLOCATION_BYTES = 4 * MAX_FRAME_BYTES;

/**
 * What ffmpeg analyses before it hands anything over: not the frame rate, which would take 20 pictures more, but the
 * picture's size, for as long as the connection lasts. In the script for the camera, as arguments for the script.
 */
const ANALYSIS = { fpsprobesize: 0, analyzeduration: SOCKET_TIMEOUT_SECONDS * 1_000_000 };

export function rtspCamera(source: CameraSource, guard: Guard, patience: PatienceOptions = {}): Camera {
  return { read: (signal) => read(source, guard, new Patience(source.url, patience, signal)) };
}

async function* read(source: CameraSource, guard: Guard, patience: Patience): AsyncGenerator<CameraItem> {
  const { url } = source;
  const credentials = await readCredentials(source);
  const relay = await patience.wait(openRelay(url, guard, patience.signal));
  const items = demux(demuxJob(source, relay.port, credentials), patience.signal);
  let [standing, previousMicros] = [0, -Infinity];
  try {
    for (;;) {
      const next = await patience.wait(items.next());
      if (next.done === true) throw relay.fault() ?? rtspFault(url, next.value, patience.connected);
      if (next.value.kind === 'unit') {
        patience.connected = true;
        const { presentationMicros } = next.value.unit;
        standing = Math.abs(presentationMicros - previousMicros) < STANDING_CLOCK.micros ? standing + 1 : 0;
        if (standing === STANDING_CLOCK.units) throw clockFault(url);
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

function demuxJob(source: CameraSource, port: number, credentials: Credentials | undefined): DemuxJob {
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
    script: script(source, port, credentials),
    // A reader that joins among pictures that refer forwards gets some without a time, and the muxer would give up over them.
    filter: String.raw`noise=drop=eq(pts\,nopts)`,
    secrets: credentials === undefined ? [] : [credentials.password],
  };
}

/** https://ffmpeg.org/ffmpeg-formats.html#concat */
function script({ url, transport }: CameraSource, port: number, credentials: Credentials | undefined): string {
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
  return `rtsp://127.0.0.1:${port}${/^\w+:\/\/[^/?]*(.*)$/s.exec(url)?.[1] ?? ''}`;
}

function withCredentials(url: string, credentials: Credentials | undefined): string {
  if (credentials === undefined) return url;
  return url.replace('://', () => `://${encodeURIComponent(credentials.username)}:${encodeURIComponent(credentials.password)}@`);
}

/** What would end the quoted string or the line. */
function percentEncodeQuotes(text: string): string {
  return text.replaceAll(/['\\\s]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
