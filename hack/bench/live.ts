/** Measures an agent at a live camera: 640 wide, 10 frames a second, H.264 over RTSP. `agent` and `latency` share one run. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describeExit, Ffmpeg } from '#proto/media/ffmpeg.ts';
import { findRtspServer, RtspServer } from '../machine/rtsp-server.ts';
import { until } from '../machine/until.ts';
import { type LocalStream, startStream } from './local-stream.ts';
import { cpuOf, cpuOfTree, type Memory, memoryOfTree } from '../machine/processes.ts';
import type { Bench } from './rows.ts';

const FRAMES_PER_SECOND = 10;
/** Not measured: the agent connects, its code is compiled, and the counter starts to count. */
const WARM_SECONDS = 15;
const MEMORY_EVERY_SECONDS = 5;

export interface LiveRun {
  readonly seconds: number;
  readonly cpuMs: number;
  /** The part of the agent's own process; the rest is its ffmpeg. */
  readonly ownCpuMs: number;
  /** The highest value of each. */
  readonly memory: Memory;
  readonly sentBytes: number;
  /** How many access units waited at most so many seconds for their counts. */
  readonly latency: readonly { readonly upTo: number; readonly count: number }[];
}

const runs = new WeakMap<Bench, Promise<LiveRun>>();

export function liveRun(bench: Bench): Promise<LiveRun> {
  const run = runs.get(bench) ?? watchLive(bench);
  runs.set(bench, run);
  return run;
}

async function watchLive(bench: Bench): Promise<LiveRun> {
  if (findRtspServer() === undefined) throw new Error('A live camera needs MediaMTX on the PATH or in FOOTFALL_MEDIAMTX.');
  bench.say('live: encoding the clip as a camera would');
  const footage = await encode(bench);
  const camera = await RtspServer.start();
  try {
    await camera.publish(footage);
    const stream = await startStream({ url: camera.url(), framesPerSecond: FRAMES_PER_SECOND }, bench);
    try {
      return await watch(stream, bench);
    } finally {
      await stream.stop();
    }
  } finally {
    await camera.stop();
  }
}

async function watch(stream: LocalStream, { say, seconds, signal }: Bench): Promise<LiveRun> {
  const pid = stream.agent.process.pid!;
  const counts = async () => JSON.parse(await stream.page('/counts')) as { frames: number };
  await until(async () => {
    if (stream.agent.process.exitCode !== null) throw new Error(`The agent failed: ${stream.agent.lastWords()}`);
    return (await counts()).frames > 0;
  }, 30);
  say(`live: watching the agent for ${WARM_SECONDS} and ${seconds} seconds`);
  await delay(WARM_SECONDS * 1000, undefined, { signal });
  const before = { page: await stream.page('/metrics'), tree: cpuOfTree(pid), own: cpuOf(pid).own, at: performance.now() };
  let memory = memoryOfTree(pid);
  while (performance.now() - before.at < seconds * 1000) {
    await delay(Math.min(MEMORY_EVERY_SECONDS, seconds) * 1000, undefined, { signal });
    memory = highest(memory, memoryOfTree(pid));
  }
  const [cpuMs, ownCpuMs] = [cpuOfTree(pid) - before.tree, cpuOf(pid).own - before.own];
  const watched = (performance.now() - before.at) / 1000;
  const after = await stream.page('/metrics');
  const sentBytes = valueOf(after, 'footfall_agent_sent_bytes_total') - valueOf(before.page, 'footfall_agent_sent_bytes_total');
  return { seconds: watched, cpuMs, ownCpuMs, memory, sentBytes, latency: latencyBetween(before.page, after) };
}

/** No B-frames and a keyframe every four seconds, as with most cameras. */
async function encode({ clip, folder }: Bench): Promise<string> {
  const path = join(folder, 'camera.nut');
  const coding = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', '-g', '40', '-pix_fmt', 'yuv420p'];
  const filter = `scale=640:-2,fps=${FRAMES_PER_SECOND}`;
  const ffmpeg = new Ffmpeg({
    inputOptions: ['-y'],
    input: clip.path,
    outputOptions: ['-map', '0:v:0', '-vf', filter, ...coding, '-f', 'nut'],
  });
  ffmpeg.end();
  await writeFile(path, ffmpeg.output);
  const exit = await ffmpeg.exit;
  if (exit.code !== 0) throw new Error(`${clip.path} could not be encoded: ${describeExit(exit)}.`);
  return path;
}

function highest(one: Memory, other: Memory): Memory {
  return {
    resident: Math.max(one.resident, other.resident),
    proportional: Math.max(one.proportional, other.proportional),
    anonymous: Math.max(one.anonymous, other.anonymous),
  };
}

function latencyBetween(before: string, after: string): LiveRun['latency'] {
  const bucket = /^footfall_agent_latency_seconds_bucket\{le="([^"]+)"\} (\d+)/gm;
  const earlier = new Map(before.matchAll(bucket).map(([, upTo, count]) => [upTo, Number(count)]));
  return [...after.matchAll(bucket)].map(([, upTo, count]) => ({
    upTo: upTo === '+Inf' ? Infinity : Number(upTo),
    count: Number(count) - (earlier.get(upTo) ?? 0),
  }));
}

function valueOf(page: string, metric: string): number {
  return Number(new RegExp(`^${metric} (\\S+)`, 'm').exec(page)?.[1] ?? 0);
}
