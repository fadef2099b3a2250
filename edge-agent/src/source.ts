/** Chooses how a source is read: recorded video is its own replay log, live video fills a ring. */
import process from 'node:process';
import { isLive, isPaced, waits } from '#crds/source-kinds.ts';
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import type { AgentConfig } from './config.ts';
import type { Camera } from './camera/camera.ts';
import type { CameraState } from './camera/camera-state.ts';
import type { CameraFault } from './camera/faults.ts';
import { Guard } from './camera/guard.ts';
import { openCamera } from './camera/kinds.ts';
import { pacedCamera } from './camera/paced-camera.ts';
import { clusterNetworks } from './camera/networks.ts';
import { FileRecording } from './ring/file.ts';
import { LiveRecording } from './ring/live.ts';
import type { Machine } from './ring/machine.ts';
import type { Recording } from './ring/recording.ts';
import { type Retained, retainIn, retainInMemory } from './ring/retained.ts';
import type { Site } from './site/site.ts';
import { CameraReport } from './uplink/camera-report.ts';

export interface Source {
  readonly recording: Recording;
  /** A file that is read as fast as possible: the clock says nothing of when its pictures were made. */
  readonly recorded: boolean;
  /** How the camera does, for the counter; undefined for recorded video. */
  readonly report: CameraReport | undefined;
  /** What was wrong with a source that could still be read to its end, or that gave nothing until the agent was stopped. */
  verdict(): CameraFault | undefined;
}

/** How long local mode lets a camera that never connected fail before it gives up. */
const GIVE_UP_SECONDS = 10;

/**
 * What outlives the agent's process. Recorded video is its own replay log: of it, only session and checkpoints. Its times are
 * the file's, so its session outlives a restart of the machine, too.
 * @throws Error with a sentence when the folder cannot be used.
 */
export function retain({ ring, source }: AgentConfig, machine: Machine): Retained {
  const clock = isLive(source.url) ? machine : { ...machine, machineStart: '', machineMicros: () => 0 };
  return ring !== undefined ? retainIn(ring.directory, clock) : retainInMemory(clock);
}

export function openSource(config: AgentConfig, retained: Retained, site: Site, log: Log): Source {
  const camera = openCamera({ ...config.source, directory: config.ring?.directory }, new Guard(networksOf(config)));
  if (!isLive(config.source.url)) return recordedSource(config, camera, site);
  const report = new CameraReport();
  let told: CameraFault | undefined;
  const recording = liveRecording(config, camera, retained, (state, ring) => {
    site.showCamera(state, ring);
    report.update(state);
    const { connected, fault } = state;
    if (fault !== undefined && fault !== told) {
      log.warn({ reason: fault.reason, sentence: fault.sentence }, connected ? 'camera to be looked at' : 'camera lost');
    }
    told = fault;
  });
  // A run that ends without a picture has a reason, however it ends.
  const verdict = () => (config.exitWhenUnusable && recording.newestNumber === 0 ? told : undefined);
  return { recording, recorded: false, report, verdict };
}

function networksOf({ cameraNetworks }: AgentConfig): AgentConfig['cameraNetworks'] {
  if (cameraNetworks === undefined) return undefined;
  return { ...cameraNetworks, cluster: clusterNetworks(cameraNetworks.cluster, process.env['KUBERNETES_SERVICE_HOST']) };
}

function recordedSource({ source }: AgentConfig, camera: Camera, site: Site): Source {
  const state: CameraState = { connected: false, units: 0, bytes: 0, connects: 1, fault: undefined };
  let startedAt: number | undefined;
  const recording = new FileRecording({
    camera,
    pace: async (presentationMicros, signal) => {
      if (!source.realtime) return;
      startedAt ??= performance.now() - presentationMicros / 1000;
      await pause((startedAt + presentationMicros / 1000 - performance.now()) / 1000, signal);
    },
    onUnit: (unit) => {
      Object.assign(state, { connected: true, units: unit.number, bytes: state.bytes + unit.data.length });
      site.showCamera(state);
    },
  });
  return { recording, recorded: !source.realtime, report: undefined, verdict: () => camera.verdict?.() };
}

function liveRecording(
  { source, buffer, exitWhenUnusable }: AgentConfig,
  camera: Camera,
  { segments, recovered, elapsedMicros }: Retained,
  onState: (state: Readonly<CameraState>, ring: LiveRecording['ring']) => void,
): LiveRecording {
  const startedAt = performance.now();
  const recording: LiveRecording = new LiveRecording({
    camera: isPaced(source.url) ? pacedCamera(camera, source.url, elapsedMicros) : camera,
    limits: { seconds: buffer.seconds, bytes: buffer.megabytes * 1e6 },
    segments,
    recovered,
    elapsedMicros,
    maxLagSeconds: buffer.overload === 'live' ? buffer.maxLagSeconds : undefined,
    waits: waits(source.url),
    onState: (state) => onState(state, recording.ring),
    giveUp: (fault, everConnected) =>
      exitWhenUnusable && !everConnected && (fault.badInput || performance.now() - startedAt > GIVE_UP_SECONDS * 1000),
    random: Math.random,
  });
  return recording;
}
