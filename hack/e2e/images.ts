/** The images under test: built from the working tree, named by their content, brought to the nodes that run them. */
import { fileURLToPath } from 'node:url';
import { run } from './commands.ts';
import type { Cluster } from './cluster.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const sources = {
  agent: { name: 'footfall/edge-agent', dockerfile: 'hack/images/Dockerfile', target: 'edge-agent', context: '.' },
  counter: { name: 'footfall/counter-service', dockerfile: 'hack/images/Dockerfile', target: 'counter-service', context: '.' },
  operator: { name: 'footfall/operator', dockerfile: 'hack/images/Dockerfile', target: 'operator', context: '.' },
  camera: { name: 'footfall/e2e-camera', dockerfile: 'hack/e2e/camera/Dockerfile', target: '', context: 'hack' },
} as const;

/** Full names, with the tag. */
export type Images = Readonly<Record<keyof typeof sources, string>>;

/** @throws Error with the builder's last words. */
export async function buildImages(signal: AbortSignal): Promise<Images> {
  // The machine's own registry, where npm has one.
  const registry = (await run('npm', ['config', 'get', 'registry'], { signal })).trim();
  const build = async ({ name, dockerfile, target, context }: (typeof sources)[keyof typeof sources]) => {
    // The host's network, because a registry may be known to the host alone.
    const args = [
      'build',
      '--quiet',
      '--network',
      'host',
      '--build-arg',
      `npm_config_registry=${registry}`,
      '--file',
      `${root}${dockerfile}`,
      '--target',
      target,
      `${root}${context}`,
    ];
    const environment = { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };
    const id = (await run('docker', args, { environment, seconds: 1800, signal })).trim();
    // What is unchanged comes out of the cache under its old id, and so gets its old name, which the nodes know.
    const image = `${name}:${id.replace('sha256:', '').slice(0, 12)}`;
    await run('docker', ['tag', id, image], { signal });
    return image;
  };
  // One after the other: they share their lower layers.
  return {
    agent: await build(sources.agent),
    counter: await build(sources.counter),
    operator: await build(sources.operator),
    camera: await build(sources.camera),
  };
}

/** Agents run at every site, cameras at the first, operator and counters at the facility. */
export async function loadImages({ agent, counter, operator, camera }: Images, cluster: Cluster, signal: AbortSignal): Promise<void> {
  await Promise.all([
    load([agent, camera], cluster.site, cluster, signal),
    load([agent, counter, operator], cluster.facility, cluster, signal),
  ]);
}

async function load(images: readonly string[], node: string, { name }: Cluster, signal: AbortSignal): Promise<void> {
  const there = (await run('docker', ['exec', node, 'ctr', '--namespace', 'k8s.io', 'images', 'list', '--quiet'], { signal })).split('\n');
  const missing = images.filter((image) => !there.includes(`docker.io/${image}`));
  if (missing.length > 0)
    await run('kind', ['load', 'docker-image', ...missing, '--name', name, '--nodes', node], { seconds: 600, signal });
}
