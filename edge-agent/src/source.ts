/** Chooses how a source is read: a file is its own replay log, a camera fills a ring. */
import process from 'node:process';
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import type { AgentConfig } from './config.ts';
import type { CameraFault } from './camera/faults.ts';
import { fileCamera } from './camera/file/file.ts';
import { clusterNetworks } from './camera/networks.ts';
import { rtspCamera } from './camera/rtsp/rtsp.ts';
import { FileRecording } from './ring/file.ts';
import { type CameraState, LiveRecording } from './ring/live.ts';
import type { Recording } from './ring/recording.ts';
import { type Retained, retainIn, retainInMemory, type World } from './ring/retained.ts';
import type { Site } from './site/site.ts';
import { CameraReport } from './uplink/camera-report.ts';

export interface Source {
  readonly recording: Recording;
  /** A file that is read as fast as it is taken: the clock says nothing of its pictures. */
  readonly recorded: boolean;
  /** What the counter is told of a camera; a file has nothing to tell. */
  readonly report: CameraReport | undefined;
  /** What was wrong with a source that was read to its end all the same. */
  verdict(): CameraFault | undefined;
}

/** How long local mode lets a camera that was never there fail before it gives up. */
const GIVE_UP_SECONDS = 10;

/**
 * What outlives the agent's process of this source. A file is its own record: of it only session and checkpoints.
 * @throws Error with a sentence when the folder cannot be used.
 */
export function retain({ ring }: AgentConfig, world: World): Retained {
  return ring !== undefined ? retainIn(ring.directory, world) : retainInMemory(world);
}

export function openSource(config: AgentConfig, retained: Retained, site: Site, log: Log): Source {
  return isCamera(config.source.url) ? liveSource(config, retained, site, log) : fileSource(config, site);
}

function isCamera(url: string): boolean {
  return /^rtsps?:/.test(url);
}

function fileSource({ source }: AgentConfig, site: Site): Source {
  const camera = fileCamera({ url: source.url });
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
      site.camera(state);
    },
  });
  return { recording, recorded: !source.realtime, report: undefined, verdict: () => camera.verdict() };
}

function liveSource(config: AgentConfig, { segments, recovered, elapsedMicros }: Retained, site: Site, log: Log): Source {
  const { url, transport, credentialsDirectory } = config.source;
  const { cameraNetworks } = config;
  const networks = cameraNetworks && {
    ...cameraNetworks,
    cluster: clusterNetworks(cameraNetworks.cluster, process.env['KUBERNETES_SERVICE_HOST']),
  };
  const startedAt = performance.now();
  const report = new CameraReport();
  const recording: LiveRecording = new LiveRecording({
    camera: rtspCamera({
      url,
      transport,
      ...(networks && { networks }),
      ...(credentialsDirectory !== undefined && { credentialsDirectory }),
    }),
    limits: { seconds: config.buffer.seconds, bytes: config.buffer.megabytes * 1e6 },
    segments,
    recovered,
    elapsedMicros,
    maxLagSeconds: config.buffer.overload === 'live' ? config.buffer.maxLagSeconds : undefined,
    onState: (state) => {
      site.camera(state, recording.ring);
      report.update(state);
      if (state.fault !== undefined) log.warn({ reason: state.fault.reason, sentence: state.fault.message }, 'camera lost');
    },
    giveUp: (fault, everConnected) =>
      config.exitWhenUnusable && !everConnected && (fault.badInput || performance.now() - startedAt > GIVE_UP_SECONDS * 1000),
    random: Math.random,
  });
  return { recording, recorded: false, report, verdict: () => undefined };
}
