/**
 * `node hack/trials/planted.ts [name...]`: is every planted bug caught? Each patch in `planted/` is applied to a copy of
 * the tree, and what it names as its means is run there: each has to fail. All means have to pass on the sound tree before,
 * or their failing would say nothing. When all bugs are caught, `planted/README.md` says by what.
 *
 * Exit codes: 0 every bug is caught by all of its means, 1 one is not, or a means fails without it, 2 bad input.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';

const ROOT = join(import.meta.dirname, '../..');
/** One that hangs has failed. */
const MEANS_TIMEOUT_MS = 600_000;
const FOLDER = join(import.meta.dirname, 'planted');

export interface PlantedBug {
  readonly name: string;
  readonly patch: string;
  /** What the product would do with it. */
  readonly bug: string;
  /** Commands that fail with it. */
  readonly means: readonly string[];
}

export function plantedBugs(): PlantedBug[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.patch'));
  return names.toSorted().map((file) => {
    const patch = join(FOLDER, file);
    const text = readFileSync(patch, 'utf8');
    const lines = (key: string) => [...text.matchAll(new RegExp(`^${key}: (.*)$`, 'gm'))].map(([, value]) => value!);
    return { name: file.slice(0, -'.patch'.length), patch, bug: lines('Bug')[0] ?? '', means: lines('Caught by') };
  });
}

/** @returns what git says of a patch that does not apply to the tree any more. */
export function staleness({ patch }: PlantedBug, tree = ROOT): string | undefined {
  const { status, stderr } = spawnSync('git', ['apply', '--check', '-p0', patch], { cwd: tree, encoding: 'utf8' });
  return status === 0 ? undefined : stderr.trim();
}

/** What git knows of, and what it would. */
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
  return spawnSync('sh', ['-c', `exec ${command}`], { cwd: tree, stdio: 'ignore', timeout: MEANS_TIMEOUT_MS }).status === 0;
}

/** Those of its means that do not fail. */
function blindTo({ patch, means }: PlantedBug, tree: string): string[] {
  execFileSync('git', ['apply', '-p0', patch], { cwd: tree });
  try {
    return means.filter((command) => passes(command, tree));
  } finally {
    execFileSync('git', ['apply', '-R', '-p0', patch], { cwd: tree });
  }
}

export const TABLE = join(FOLDER, 'README.md');

/** What is committed of a run in which each bug was caught by all that it names. */
export function documentOf(bugs: readonly PlantedBug[]): string {
  return `# Planted bugs

What \`node hack/trials/planted.ts\` writes when it has planted each of these, one line of the product each, and seen
everything fail that is named beside it. The rules of the protocol are broken in its model, too: \`proto/model/rules.ts\`
has those bugs, and \`node --test proto/model/model.test.ts\` finds for each the story in which it harms.

| bug | caught by |
| --- | --- |
${bugs.map(rowOf).join('')}`;
}

function rowOf({ bug, means }: PlantedBug): string {
  return `| ${bug} | ${means.map((command) => `\`${command.replace(' --test-timeout=120000', '').replaceAll('|', '\\|')}\``).join('<br>')} |\n`;
}

function judge(bugs: readonly PlantedBug[]): 0 | 1 {
  const tree = copyTree();
  try {
    process.stderr.write('without a bug\n');
    const failing = [...new Set(bugs.flatMap(({ means }) => means))].filter((command) => !passes(command, tree));
    if (failing.length > 0) {
      process.stderr.write(`It fails without a bug, and would say nothing: ${failing.join('; ')}\n`);
      return 1;
    }
    const verdicts = bugs.map((bug) => {
      process.stderr.write(`${bug.name}\n`);
      const blind = blindTo(bug, tree);
      process.stdout.write(blind.length === 0 ? rowOf(bug) : `NOT CAUGHT: ${bug.bug}, by ${blind.join('; ')}\n`);
      return blind.length === 0;
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
