/** The files of a commit, without the repository. */
import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { run } from './commands.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Writes them into a folder, which is made if it does not exist. @throws Error with the end of a failing program's output. */
export async function unpackCommit(commit: string, folder: string, signal: AbortSignal): Promise<void> {
  const archive = join(folder, 'commit.tar');
  await mkdir(folder, { recursive: true });
  await run('git', ['archive', `--output=${archive}`, commit], { folder: root, signal });
  await run('tar', ['--extract', '--file', archive, '--directory', folder], { signal });
  await rm(archive);
}
