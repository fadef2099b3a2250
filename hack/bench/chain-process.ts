/**
 * A process of the benchmark: counts one clip in local mode and prints the CPU time of each process. It has no other children,
 * so the CPU time of its ended children is that of the agent, and then of the counter, too.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { loadCameraStreams } from '#crds/load.ts';
import { shutdownSignal } from '#proto/process/shutdown.ts';
import type { CrossingEvent } from '../../counter-service/src/counting/counter.ts';
import { readOptions } from '../../local/options.ts';
import type { StreamReport } from '../../local/report.ts';
import { countLocally } from '../../local/run.ts';
import type { ChainRun, ChainTask } from './chain.ts';
import { childrenOf, cpuOf, nameOf } from '../machine/processes.ts';

/** The rate is measured after so many frames: by then the code is compiled and the region, if any, is chosen. */
const WARM_FRAMES = 100;

async function run({ clip, lines, framesPerSecond, region }: ChainTask, folder: string): Promise<ChainRun> {
  const [manifest, events] = [join(folder, 'chain.yaml'), join(folder, 'chain.jsonl')];
  const spec = { source: { url: clip }, lines, detection: { framesPerSecond, region } };
  // JSON is YAML.
  writeFileSync(manifest, JSON.stringify({ apiVersion: 'footfall.dev/v1alpha1', kind: 'CameraStream', metadata: { name: 'bench' }, spec }));
  const options = readOptions([manifest, '--events', events]);
  const { streams, faults } = loadCameraStreams([manifest]);
  if (faults[0] !== undefined) throw new Error(faults[0].message);

  let [warmAt, warmFrames, lastAt, frames] = [0, 0, 0, 0];
  let agentMs = 0;
  let counter: { main: number; decoding: number; inference: number } | undefined;
  const watch = ([report]: readonly StreamReport[]) => {
    const view = report?.view;
    if (view === undefined) return;
    if (view.frames !== frames) [lastAt, frames] = [performance.now(), view.frames];
    if (frames >= WARM_FRAMES && warmAt === 0) [warmAt, warmFrames] = [lastAt, frames];
    if (view.finished) counter ??= counterCpu();
    // The last call comes after the agent has ended and before the counter has.
    agentMs = cpuOf('self').reaped;
  };
  const outcome = await countLocally(streams, options, shutdownSignal(), { show: watch, say: () => undefined });
  const { failure } = outcome.reports[0]!;
  if (failure !== undefined) throw new Error(failure.sentence);
  if (counter === undefined) throw new Error('The agent ended before it had finished.');

  const total = cpuOf('self').reaped;
  const { user, system } = process.cpuUsage();
  return {
    frames,
    framesPerSecond: (1000 * (frames - warmFrames)) / (lastAt - warmAt),
    seconds: outcome.seconds,
    cpuMs: { agent: agentMs, ...counter, total, launcher: (user + system) / 1000 },
    crossings: readFileSync(events, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as CrossingEvent),
  };
}

/** When the stream has finished, its decoders have ended, and its inference processes still run. */
function counterCpu(): { main: number; decoding: number; inference: number } {
  const counter = childrenOf(process.pid).find((pid) => childrenOf(pid).some((child) => nameOf(child) !== 'ffmpeg'));
  if (counter === undefined) throw new Error('There is no counter with inference processes.');
  const { own, reaped } = cpuOf(counter);
  const inference = childrenOf(counter).reduce((sum, pid) => sum + cpuOf(pid).own, 0);
  return { main: own, decoding: reaped, inference };
}

const [task, folder] = process.argv.slice(2) as [string, string];
try {
  process.stdout.write(JSON.stringify(await run(JSON.parse(task) as ChainTask, folder)));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
