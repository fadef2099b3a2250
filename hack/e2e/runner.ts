/** Runs scenarios: first those that do not disturb others, several at a time, then the rest one after the other. */
import { setMaxListeners } from 'node:events';
import type { ApiServer } from '#crds/cluster/api.ts';
import type { Cluster } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { Installation } from './installation.ts';
import { type Kubectl, lastLogLines } from './kubectl.ts';
import { keepDiagnostics, REPORT, type ScenarioResult, writeSummary } from './report.ts';
import type { Scenario, World } from './scenario.ts';
import { Streams } from './streams.ts';

/** More at once would make a machine with two cores too slow for promises within seconds. */
const SIDE_BY_SIDE = 4;

/** What all scenarios of a run share. */
export interface Run {
  readonly cluster: Cluster;
  readonly installation: Installation;
  readonly kubectl: Kubectl;
  readonly api: ApiServer;
  readonly begin: Date;
  readonly whole: boolean;
  readonly killing: World['killing'];
  readonly signal: AbortSignal;
  readonly say: (sentence: string) => void;
}

/** @returns the exit code. */
export async function runScenarios(scenarios: readonly Scenario[], run: Run): Promise<0 | 1> {
  // Every wait listens to this signal.
  setMaxListeners(0, run.signal);
  const results: ScenarioResult[] = [];
  const take = async (waiting: Scenario[]) => {
    for (let next = waiting.shift(); next !== undefined && !run.signal.aborted; next = waiting.shift())
      results.push(await runOne(next, run));
  };
  const peaceful = scenarios.filter(({ alone }) => alone !== true);
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => take(peaceful)));
  await take(scenarios.filter(({ alone }) => alone === true));
  await writeSummary(results);
  const broken = results.filter(({ error }) => error !== undefined).length;
  if (broken > 0) run.say(`${broken} of ${results.length} promises are broken; see ${REPORT}/.`);
  else run.say(`${results.length} of ${results.length} promises are kept.`);
  return broken > 0 || run.signal.aborted ? 1 : 0;
}

async function runOne(scenario: Scenario, run: Run): Promise<ScenarioResult> {
  const { name, promise } = scenario;
  const { kubectl, say, signal } = run;
  const namespace = `e2e-${name}`;
  const cleanups: (() => Promise<unknown>)[] = [];
  const notes: string[] = [];
  const began = performance.now();
  const world: World = {
    ...run,
    namespace,
    streams: new Streams(run.api, namespace, signal),
    configure: async (settings) => {
      cleanups.push(() => run.installation.configureAsUsual());
      await run.installation.configure(settings);
    },
    afterwards: (cleanup) => cleanups.push(cleanup),
    eventually: (what, seconds, look) => eventually(what, seconds, look, signal),
    note: (sentence) => notes.push(sentence),
  };
  const failure = await attempt(async () => {
    // An earlier run may have left one.
    await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s'], 150);
    await kubectl.makeNamespace(namespace);
    await scenario.run(world);
  });
  const seconds = (performance.now() - began) / 1000;
  const remarks = notes.length > 0 ? ` (${notes.join('; ')})` : '';
  say(`${failure === undefined ? 'kept  ' : 'BROKEN'} ${seconds.toFixed(0).padStart(4)} s  ${name}: ${promise}${remarks}`);
  if (failure !== undefined) {
    say(`  ${failure.message}`);
    if (!signal.aborted) {
      // For readers who have nothing but the output of the run.
      say((await lastLogLines(kubectl, namespace, 'footfall.dev/stream')).replaceAll(/^/gm, '  '));
      await keepDiagnostics(name, namespace, failure, kubectl).catch((error: unknown) =>
        say(`  No report could be written: ${(error as Error).message}`),
      );
    }
  }
  const cleanupFailure = await attempt(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
    // The next scenario only needs the streams gone; the rest of the namespace may take its time.
    await kubectl(['delete', 'camerastreams', '--all', '--namespace', namespace, '--ignore-not-found']);
    await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
  });
  const error = failure ?? (cleanupFailure && new Error(`the cleanup failed: ${cleanupFailure.message}`));
  if (failure === undefined && error !== undefined) say(`BROKEN ${name}: ${error.message}`);
  return { name, promise, seconds, notes, error: error?.message };
}

async function attempt(work: () => Promise<void>): Promise<Error | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
