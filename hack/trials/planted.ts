/**
 * `node hack/trials/planted.ts [name...]`: do the tests catch every planted bug? It applies each patch in `planted/` to a
 * copy of the tree and runs the checks that the patch names there: each must fail. All checks must pass on the unchanged tree
 * first, or their failure would prove nothing. When all bugs are caught, it writes `planted/README.md`.
 *
 * Exit codes: 0 all checks of every bug failed with it, 1 a check passed, or failed without a bug, 2 bad input.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';

const ROOT = join(import.meta.dirname, '../..');
/** A check that hangs has failed. */
const CHECK_TIMEOUT_MS = 600_000;
const FOLDER = join(import.meta.dirname, 'planted');

export interface PlantedBug {
  readonly name: string;
  readonly patch: string;
  /** The wrong behaviour, as a sentence. */
  readonly bug: string;
  /** Commands that fail with it. */
  readonly checks: readonly string[];
}

export function plantedBugs(): PlantedBug[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.patch'));
  return names.toSorted().map((file) => {
    const patch = join(FOLDER, file);
    const text = readFileSync(patch, 'utf8');
    const lines = (key: string) => [...text.matchAll(new RegExp(`^${key}: (.*)$`, 'gm'))].map(([, value]) => value!);
    return { name: file.slice(0, -'.patch'.length), patch, bug: lines('Bug')[0] ?? '', checks: lines('Caught by') };
  });
}

/** @returns git's complaint when the patch does not apply to the tree any more. */
export function staleness({ patch }: PlantedBug, tree = ROOT): string | undefined {
  const { status, stderr } = spawnSync('git', ['apply', '--check', '-p0', patch], { cwd: tree, encoding: 'utf8' });
  return status === 0 ? undefined : stderr.trim();
}

/** With the files that git tracks, and untracked ones that it does not ignore. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'footfall-planted-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const path of listed.split('\0').filter((one) => one !== '')) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(ROOT, path), join(copy, path));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function passes(command: string, tree: string): boolean {
  process.stderr.write(`  ${command}\n`);
  return spawnSync('sh', ['-c', `exec ${command}`], { cwd: tree, stdio: 'ignore', timeout: CHECK_TIMEOUT_MS }).status === 0;
}

/** @returns the checks that pass although the bug is planted. */
function passingChecks({ patch, checks }: PlantedBug, tree: string): string[] {
  execFileSync('git', ['apply', '-p0', patch], { cwd: tree });
  try {
    return checks.filter((command) => passes(command, tree));
  } finally {
    execFileSync('git', ['apply', '-R', '-p0', patch], { cwd: tree });
  }
}

export const TABLE = join(FOLDER, 'README.md');

/** The page for a run in which the checks caught every bug. */
export function documentOf(bugs: readonly PlantedBug[]): string {
  return `# Planted bugs

\`node hack/trials/planted.ts\` writes this page after it has planted each of these bugs, one changed line of the product each,
and every command beside it has failed. \`proto/model/rules.ts\` has bugs in the rules of the protocol;
\`node --test proto/model/model.test.ts\` finds for each a sequence of steps in which it does harm.

| bug | caught by |
| --- | --- |
${bugs.map(rowOf).join('')}`;
}

function rowOf({ bug, checks }: PlantedBug): string {
  const commands = checks.map((command) => command.replace(' --test-timeout=120000', '').replaceAll('|', '\\|'));
  return `| ${bug} | ${commands.map((command) => `\`${command}\``).join('<br>')} |\n`;
}

function judge(bugs: readonly PlantedBug[]): 0 | 1 {
  const tree = copyTree();
  try {
    process.stderr.write('without a bug\n');
    const failing = [...new Set(bugs.flatMap(({ checks }) => checks))].filter((command) => !passes(command, tree));
    if (failing.length > 0) {
      process.stderr.write(`These fail without a bug, so they prove nothing: ${failing.join('; ')}\n`);
      return 1;
    }
    const verdicts = bugs.map((bug) => {
      process.stderr.write(`${bug.name}\n`);
      const passing = passingChecks(bug, tree);
      process.stdout.write(passing.length === 0 ? rowOf(bug) : `NOT CAUGHT: ${bug.bug}, by ${passing.join('; ')}\n`);
      return passing.length === 0;
    });
    return verdicts.every(Boolean) ? 0 : 1;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function main(names: readonly string[]): 0 | 1 | 2 {
  const all = plantedBugs();
  const unknown = names.find((name) => all.every((bug) => bug.name !== name));
  const bugs = all.filter(({ name }) => names.length === 0 || names.includes(name));
  const stale = bugs.flatMap((bug) => staleness(bug) ?? []);
  if (unknown !== undefined) stale.push(`There is no planted bug ${unknown}.`);
  if (stale.length === 0) {
    const verdict = judge(bugs);
    if (verdict === 0 && bugs.length === all.length) writeFileSync(TABLE, documentOf(all));
    return verdict;
  }
  process.stderr.write(`${stale.join('\n')}\n`);
  return 2;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
