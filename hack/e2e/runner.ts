/** Runs scenarios: those that leave others in peace side by side, then the rest one after the other. */
import { setMaxListeners } from 'node:events';
import type { ApiServer } from '#crds/cluster/api.ts';
import type { Cluster } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { Installation } from './installation.ts';
import { type Kubectl, lastWords } from './kubectl.ts';
import { keepDiagnostics, type Outcome, REPORT, writeSummary } from './report.ts';
import type { Scenario, World } from './scenario.ts';
import { Streams } from './streams.ts';

/** More starting at once would make a machine of two cores late for what is promised within seconds. */
const SIDE_BY_SIDE = 4;

export interface Stage {
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
export async function runScenarios(scenarios: readonly Scenario[], stage: Stage): Promise<0 | 1> {
  // Everything that waits hears of a stop.
  setMaxListeners(0, stage.signal);
  const outcomes: Outcome[] = [];
  const take = async (waiting: Scenario[]) => {
    for (let next = waiting.shift(); next !== undefined && !stage.signal.aborted; next = waiting.shift())
      outcomes.push(await runOne(next, stage));
  };
  const peaceful = scenarios.filter(({ alone }) => alone !== true);
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => take(peaceful)));
  await take(scenarios.filter(({ alone }) => alone === true));
  await writeSummary(outcomes);
  const broken = outcomes.filter(({ error }) => error !== undefined).length;
  if (broken > 0) stage.say(`${broken} of ${outcomes.length} promises are broken; see ${REPORT}/.`);
  else stage.say(`${outcomes.length} of ${outcomes.length} promises are kept.`);
  return broken > 0 || stage.signal.aborted ? 1 : 0;
}

async function runOne(scenario: Scenario, stage: Stage): Promise<Outcome> {
  const { name, promise } = scenario;
  const { kubectl, say, signal } = stage;
  const namespace = `e2e-${name}`;
  const mends: (() => Promise<unknown>)[] = [];
  const notes: string[] = [];
  const began = performance.now();
  const world: World = {
    ...stage,
    namespace,
    streams: new Streams(stage.api, namespace, signal),
    configure: async (settings) => {
      mends.push(() => stage.installation.configureAsUsual());
      await stage.installation.configure(settings);
    },
    afterwards: (mend) => mends.push(mend),
    eventually: (what, seconds, look) => eventually(what, seconds, look, signal),
    note: (sentence) => notes.push(sentence),
  };
  const outcome = await attempt(async () => {
    // One that an earlier run left.
    await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s'], 150);
    await kubectl.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      }),
    );
    await scenario.run(world);
  });
  const seconds = (performance.now() - began) / 1000;
  say(
    `${outcome === undefined ? 'kept  ' : 'BROKEN'} ${seconds.toFixed(0).padStart(4)} s  ${name}: ${promise}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`,
  );
  if (outcome !== undefined) {
    say(`  ${outcome.message}`);
    if (!signal.aborted) {
      // For whoever has nothing but the output of the run.
      say((await lastWords(kubectl, namespace, 'footfall.dev/stream')).replaceAll(/^/gm, '  '));
      await keepDiagnostics(name, namespace, outcome, kubectl).catch((error: unknown) =>
        say(`  No report could be written: ${(error as Error).message}`),
      );
    }
  }
  const mending = await attempt(async () => {
    for (const mend of mends.toReversed()) await mend();
    // Once the streams are gone nobody is in the next one's way; the rest of the namespace may take its time.
    await kubectl(['delete', 'camerastreams', '--all', '--namespace', namespace, '--ignore-not-found']);
    await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
  });
  const error = outcome ?? (mending && new Error(`it could not be put right afterwards: ${mending.message}`));
  if (outcome === undefined && error !== undefined) say(`BROKEN ${name}: ${error.message}`);
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
