/** The working tree that a release is made from: what git says of it, and whether that will do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../e2e/commands.ts';
import { Phase } from './options.ts';
import { isNewer } from './version.ts';

export interface Tree {
  /** As `git status` says. */
  readonly changes: readonly string[];
  /** That of package.json. */
  readonly version: string;
  readonly revision: string;
  readonly tags: readonly string[];
  readonly tagsOfHead: readonly string[];
}

export async function inspectTree(root: string): Promise<Tree> {
  const git = async (...args: string[]) => (await run('git', args, { folder: root })).split('\n').filter((line) => line !== '');
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    changes: await git('status', '--porcelain'),
    version,
    revision: (await git('rev-parse', 'HEAD'))[0]!,
    tags: await git('tag', '--list'),
    tagsOfHead: await git('tag', '--points-at', 'HEAD'),
  };
}

/** What stands against this phase, in one sentence, if anything does. */
export function objection(tree: Tree, version: string, phase: Phase): string | undefined {
  const [change] = tree.changes;
  if (change !== undefined) return `The working tree has uncommitted changes (${change.trim()}): commit them, or take them back.`;
  return phase === Phase.prepare ? objectionToPrepare(tree, version) : objectionToPublish(tree, version);
}

function objectionToPrepare(tree: Tree, version: string): string | undefined {
  if (!isNewer(version, tree.version)) return `${version} is not newer than package.json's ${tree.version}.`;
  if (tree.tags.includes(`v${version}`)) return `There is a tag v${version} already.`;
  return undefined;
}

function objectionToPublish(tree: Tree, version: string): string | undefined {
  if (version !== tree.version) return `package.json says ${tree.version}, not ${version}: prepare the release first.`;
  if (!tree.tagsOfHead.includes(`v${version}`)) return `The commit has no tag v${version}.`;
  return undefined;
}
