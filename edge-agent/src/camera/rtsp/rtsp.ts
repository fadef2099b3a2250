/**
 * A network camera over RTSP. ffmpeg reads it by way of a relay, which alone knows the camera's address and login: they show in
 * no process list, no environment and no log.
 */
import { NutError } from '#proto/media/nut/nut.ts';
import type { Camera, CameraItem, CameraSource } from '../camera.ts';
import { readAccess } from '../credentials.ts';
import { CONCAT, concatScript, demux, type DemuxJob, DROP_UNTIMED, inputOptionsOf, MAX_ALLOCATION_BYTES } from '../demux.ts';
import { type CameraFault, keyframeFault, missingDatagramsFault, unreadableFault } from '../faults.ts';
import type { Guard } from '../guard.ts';
import { Patience, type PatienceOptions } from '../patience.ts';
import { openRelay, type Relay } from './relay.ts';
import { clockFault, rtspFault, severalVideosFault } from './rtsp-faults.ts';

/** Longer than the agent's own limits: it ends a child whose agent was killed while the camera was silent. */
const SOCKET_TIMEOUT_SECONDS = 60;

/**
 * Of a camera that sets its clock back ffmpeg makes each access unit one tick later than the one before, until the clock has
 * caught up: time would stand still, and people would not be counted. No camera takes so many pictures in so little time.
 */
const STANDING_CLOCK = { units: 5, micros: 100 };

/**
 * What ffmpeg analyses before it hands anything over: not the frame rate, which would take 20 pictures more, but the
 * picture's size, which some cameras tell with a keyframe only: for an hour, and 64 s of 4 Mbit/s. In the script for the camera,
 * as arguments for the script.
 */
const ANALYSIS = { fpsprobesize: 0, analyzeduration: 3600 * 1_000_000, probesize: 32_000_000 };

export function rtspCamera(source: CameraSource, guard: Guard, patience: PatienceOptions = {}): Camera {
  return { read: (signal) => read(source, guard, new Patience(source.url, patience, signal)) };
}

async function* read(source: CameraSource, guard: Guard, patience: Patience): AsyncGenerator<CameraItem> {
  const { url } = source;
  const access = await readAccess(source);
  const relay = await patience.wait(openRelay(url, access, guard, patience.signal));
  const items = demux(demuxJob(source, relay.url, access.secrets), patience.signal);
  const keyframe = new KeyframeWatch(url, patience.seconds);
  let [standing, previousMicros] = [0, -Infinity];
  try {
    for (;;) {
      const coming = items.next();
      let next = await patience.waitOrSee(coming, relay.videoBytes);
      for (; next === undefined; next = await patience.waitOrSee(coming, relay.videoBytes)) yield* keyframe.missing();
      if (next.done === true) throw relay.fault() ?? keyframe.fault ?? rtspFault(url, next.value, patience.connected);
      if (next.value.kind === 'codec' && relay.videos() > 1) yield { kind: 'remark', fault: severalVideosFault(url, relay.videos()) };
      if (next.value.kind === 'unit') {
        patience.connected = true;
        const { presentationMicros } = next.value.unit;
        standing = Math.abs(presentationMicros - previousMicros) < STANDING_CLOCK.micros ? standing + 1 : 0;
        if (standing === STANDING_CLOCK.units) throw clockFault(url);
        previousMicros = presentationMicros;
        yield* keyframe.see(next.value.unit.keyframe);
      }
      yield next.value;
    }
  } catch (error) {
    throw error instanceof NutError ? unreadableFault(url, error) : (faultOverUdp(source, relay, patience) ?? error);
  } finally {
    await items.return(undefined as never);
    relay.close();
  }
}

/** Tells of a camera whose video flows, and cannot be decoded yet. */
class KeyframeWatch {
  fault: CameraFault | undefined;
  readonly #url: string;
  readonly #seconds: number;
  readonly #startedAt = performance.now();
  #seen = false;

  constructor(url: string, seconds: number) {
    this.#url = url;
    this.#seconds = seconds;
  }

  *see(keyframe: boolean): Generator<CameraItem> {
    if (this.#seen) return;
    if (!keyframe && performance.now() - this.#startedAt > this.#seconds * 1000) yield* this.missing();
    this.#seen = keyframe;
    if (!keyframe || this.fault === undefined) return;
    this.fault = undefined;
    yield { kind: 'remark', fault: undefined };
  }

  *missing(): Generator<CameraItem> {
    if (this.fault !== undefined) return;
    this.fault = keyframeFault(this.#url, this.#seconds);
    yield { kind: 'remark', fault: this.fault };
  }
}

/** The relay does not see video over UDP, but that the camera has agreed to send it. */
function faultOverUdp({ url, transport }: CameraSource, relay: Relay, patience: Patience): CameraFault | undefined {
  const isMissing = transport === 'udp' && relay.playing() && !patience.connected && patience.isOver;
  return isMissing ? missingDatagramsFault(url, patience.seconds) : undefined;
}

function demuxJob({ transport }: CameraSource, relayUrl: string, secrets: readonly string[]): DemuxJob {
  const settings = { ...ANALYSIS, ...CONCAT, protocol_whitelist: 'pipe,rtsp,rtp,tcp,udp', max_alloc: MAX_ALLOCATION_BYTES };
  return {
    inputOptions: inputOptionsOf(settings),
    input: 'pipe:0',
    script: concatScript(relayUrl, { rtsp_transport: transport, timeout: SOCKET_TIMEOUT_SECONDS * 1_000_000, ...ANALYSIS }),
    filter: DROP_UNTIMED,
    fromAnywhere: true,
    secrets,
  };
}
