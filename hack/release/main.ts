/** `npm run release`: prepares a release, publishes one, or rehearses both. Needs no installed packages. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { run } from '../e2e/commands.ts';
import { HELP, type Options, Phase, readOptions } from './options.ts';
import { prepare } from './prepare.ts';
import { publish } from './publish.ts';
import { Outcome, Report } from './summary.ts';
import { copyTree, inspectTree, objection } from './tree.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @throws Error with one sentence; the report has what was done until then. */
async function release(options: Options, report: Report): Promise<void> {
  const { version, phases, dryRun, directory } = options;
  const tree = await inspectTree(root);
  report.revision = tree.revision;
  const against = objection(tree, version, phases[0]!);
  if (against !== undefined) throw new Error(against);
  const files = (await run('git', ['ls-files'], { folder: root })).trim().split('\n');
  const work = {
    files,
    directory,
    version,
    from: tree.version,
    revision: tree.revision,
    date: new Date().toISOString().slice(0, 10),
    dryRun,
    report,
  };
  if (dryRun)
    report.step({
      step: 'copy',
      outcome: Outcome.done,
      sentence: `All that follows is done to a copy of ${tree.revision.slice(0, 12)}; the tree stays as it is.`,
    });
  await inTree(dryRun, async (place) => {
    if (phases.includes(Phase.prepare)) await prepare({ ...work, tree: place });
    if (phases.includes(Phase.publish)) await publish({ ...work, tree: place });
  });
}

/** The project's root; for a dry run a copy of its last commit, which is gone afterwards. */
async function inTree(dryRun: boolean, act: (tree: string) => Promise<void>): Promise<void> {
  if (!dryRun) return act(root);
  const folder = await mkdtemp(join(tmpdir(), 'footfall-release-'));
  try {
    const copy = join(folder, 'footfall');
    await copyTree(root, copy);
    await act(copy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(args: readonly string[]): Promise<0 | 1 | 2> {
  let options: Options | 'help';
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  // Programs read standard output; people see the steps there as they are made.
  const shown = options.output === 'text' ? process.stdout : process.stderr;
  const report = new Report((text) => shown.write(`${text}\n`));
  const failure = await release(options, report).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (failure !== undefined) process.stderr.write(`${failure}\n`);
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(report.summary(options, failure), undefined, 2)}\n`);
  return failure === undefined ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
