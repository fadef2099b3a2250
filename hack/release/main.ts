/** `npm run release`: prepares a release, publishes one, or rehearses both. Needs no installed packages. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { runAsProcess } from '../../local/command.ts';
import { run } from '../e2e/commands.ts';
import { unpackCommit } from '../e2e/unpack.ts';
import { HELP, type Options, Phase, readOptions } from './options.ts';
import { prepare } from './prepare.ts';
import { publish } from './publish.ts';
import { Outcome, Report } from './summary.ts';
import { inspectTree, objection } from './tree.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @throws Error with one sentence; the report has what was done until then. */
async function release(options: Options, report: Report, signal: AbortSignal): Promise<void> {
  const { version, phases, dryRun, directory } = options;
  const tree = await inspectTree(root);
  report.revision = tree.revision;
  const against = objection(tree, version, phases[0]!);
  if (against !== undefined) throw new Error(against);
  const files = (await run('git', ['ls-files'], { folder: root, signal })).trim().split('\n');
  const work = {
    files,
    directory,
    version,
    from: tree.version,
    revision: tree.revision,
    date: new Date().toISOString().slice(0, 10),
    dryRun,
    report,
    signal,
  };
  if (dryRun)
    report.step({
      step: 'copy',
      outcome: Outcome.done,
      sentence: `All that follows is done to a copy of ${tree.revision.slice(0, 12)}; the tree stays as it is.`,
    });
  await inTree(dryRun, signal, async (place) => {
    if (phases.includes(Phase.prepare)) await prepare({ ...work, tree: place });
    if (phases.includes(Phase.publish)) await publish({ ...work, tree: place });
  });
}

/** The project's root; for a dry run a copy of its last commit, which is gone afterwards. */
async function inTree(dryRun: boolean, signal: AbortSignal, act: (tree: string) => Promise<void>): Promise<void> {
  if (!dryRun) return act(root);
  const folder = await mkdtemp(join(tmpdir(), 'footfall-release-'));
  try {
    const copy = join(folder, 'footfall');
    await unpackCommit('HEAD', copy, signal);
    await act(copy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The summary of a release that failed says how far it came. @throws Error with one sentence. */
async function releaseAndReport(options: Options, signal: AbortSignal): Promise<0> {
  // Programs read standard output; people see the steps there as they are made.
  const shown = options.output === 'text' ? process.stdout : process.stderr;
  const report = new Report((text) => shown.write(`${text}\n`));
  let failure: string | undefined;
  try {
    await release(options, report, signal);
    return 0;
  } catch (error) {
    failure = (error as Error).message;
    throw error;
  } finally {
    if (options.output === 'json') process.stdout.write(`${JSON.stringify(report.summary(options, failure), undefined, 2)}\n`);
  }
}

await runAsProcess({ help: HELP, readOptions, run: releaseAndReport });
