/** The previous version: builds its chart and images from the repository's history. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './commands.ts';
import { dockerBuild, loadImages } from './images.ts';
import type { Version } from './installation.ts';
import type { World } from './scenario.ts';
import { unpackCommit } from './unpack.ts';

/** The last commit of chart 0.1.0. */
const COMMIT = '07950b554609';
const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The unpacked tree is removed after the scenario; the images stay for the next run.
 * @returns undefined in a clone without that much history. @throws Error with the end of a failing program's output.
 */
export async function previousVersion({ cluster, installation, afterwards, signal }: World): Promise<Version | undefined> {
  const isKnown = await run('git', ['-C', root, 'cat-file', '-e', `${COMMIT}^{commit}`], { signal }).then(
    () => true,
    () => false,
  );
  if (!isKnown) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'footfall-e2e-previous-'));
  afterwards(() => rm(folder, { recursive: true }));
  await unpackCommit(COMMIT, folder, signal);
  const images = {
    agent: await build('edge-agent', folder, signal),
    counter: await build('counter-service', folder, signal),
    operator: await build('operator', folder, signal),
  };
  await loadImages({ ...installation.images, ...images }, cluster, signal);
  return { chart: join(folder, 'charts/footfall'), images };
}

async function build(part: string, folder: string, signal: AbortSignal): Promise<string> {
  const image = `footfall/${part}:previous-${COMMIT}`;
  await dockerBuild(['--tag', image, '--file', join(folder, part, 'Dockerfile'), folder], { seconds: 900, signal });
  return image;
}
