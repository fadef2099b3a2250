/** The whole chain on a clip, agent to counts, on given cores: what it takes to start, and what a frame costs. */
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
  /** Once it is warm; by the wall. */
  readonly framesPerSecond: number;
  readonly seconds: number;
  /** Each with all its children; `total` is agent and counter, `launcher` stands for Kubernetes and is not in it. */
  readonly cpuMs: Readonly<Record<'agent' | 'main' | 'decoding' | 'inference' | 'total' | 'launcher', number>>;
  readonly crossings: readonly CrossingEvent[];
}

/** A cost as a start and a slope: what a run over few frames takes, taken off one over many. */
export interface Cost {
  readonly startMs: number;
  readonly frameMs: number;
}

/** By the end of them everything is compiled and a region has been chosen; beyond them a frame costs what it costs. */
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

/** Every frame of the clip is looked at, as the peer does. */
export function everyFrame({ framesPerSecond }: Clip): number {
  return Math.min(30, Math.ceil(framesPerSecond));
}
