/** The whole chain on a clip, from agent to counts, on given cores: the cost of the start, and of a frame. */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { CrossingEvent } from '../../counter-service/src/counting/counter.ts';
import type { LineSpec } from '../../counter-service/src/counting/layout.ts';
import { type Clip, cutClip } from './clip.ts';
import { runOn } from '../machine/processes.ts';
import type { Bench } from './rows.ts';

export interface ChainTask {
  readonly clip: string;
  readonly lines: readonly LineSpec[];
  readonly framesPerSecond: number;
  readonly region: 'auto' | 'full';
}

export interface ChainRun {
  readonly frames: number;
  /** After the warm-up; wall-clock time. */
  readonly framesPerSecond: number;
  readonly seconds: number;
  /** Each with all its children; `total` is agent and counter, without `launcher`, which takes the place of Kubernetes. */
  readonly cpuMs: Readonly<Record<'agent' | 'main' | 'decoding' | 'inference' | 'total' | 'launcher', number>>;
  readonly crossings: readonly CrossingEvent[];
}

/** A cost as a start and a slope, from the difference between a run over many frames and one over few. */
export interface Cost {
  readonly startMs: number;
  readonly frameMs: number;
}

/** By then the code is compiled and a region is chosen, so that the cost of a frame is constant. */
const SHORT_FRAMES = 120;

export function costOf(short: { frames: number; cpuMs: number }, long: { frames: number; cpuMs: number }): Cost {
  const frameMs = (long.cpuMs - short.cpuMs) / (long.frames - short.frames);
  return { frameMs, startMs: short.cpuMs - short.frames * frameMs };
}

export async function shortClip({ clip, folder }: Bench): Promise<string> {
  if (clip.frames < 2 * SHORT_FRAMES)
    throw new Error(`${clip.path} is too short: ${clip.frames} frames, at least ${2 * SHORT_FRAMES} are needed.`);
  return cutClip(clip, SHORT_FRAMES, folder);
}

export async function runChain(task: ChainTask, cores: readonly number[], { folder, signal }: Bench): Promise<ChainRun> {
  const script = fileURLToPath(new URL('chain-process.ts', import.meta.url));
  const { stdout } = await runOn(
    cores,
    [process.execPath, '--disable-warning=ExperimentalWarning', script, JSON.stringify(task), folder],
    signal,
  );
  return JSON.parse(stdout) as ChainRun;
}

/** The rate at which the detector analyses every frame of the clip, as the peer does. */
export function everyFrame({ framesPerSecond }: Clip): number {
  return Math.min(30, Math.ceil(framesPerSecond));
}
