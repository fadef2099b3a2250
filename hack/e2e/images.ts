/** Builds the images from the working tree, tags them by content, and loads them into the nodes that run them. */
import { fileURLToPath } from 'node:url';
import { type CommandOptions, run } from './commands.ts';
import type { Cluster } from './cluster.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const sources = {
  agent: { name: 'footfall/edge-agent', dockerfile: 'hack/images/Dockerfile', target: 'edge-agent', context: '.' },
  counter: { name: 'footfall/counter-service', dockerfile: 'hack/images/Dockerfile', target: 'counter-service', context: '.' },
  operator: { name: 'footfall/operator', dockerfile: 'hack/images/Dockerfile', target: 'operator', context: '.' },
  camera: { name: 'footfall/e2e-camera', dockerfile: 'hack/e2e/camera/Dockerfile', target: '', context: 'hack' },
} as const;

/** Full names, with tags. */
export type Images = Readonly<Record<keyof typeof sources, string>>;

/** @throws Error with the end of the builder's output. */
export async function buildImages(signal: AbortSignal): Promise<Images> {
  const build = async ({ name, dockerfile, target, context }: (typeof sources)[keyof typeof sources]) => {
    const args = ['--file', `${root}${dockerfile}`, '--target', target, `${root}${context}`];
    const environment = { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };
    const id = await dockerBuild(args, { environment, seconds: 1800, signal });
    // An unchanged image comes from the cache with its old id, so it gets its old tag, which the nodes already have.
    const image = `${name}:${id.replace('sha256:', '').slice(0, 12)}`;
    await run('docker', ['tag', id, image], { signal });
    return image;
  };
  // One after the other, because they share their lower layers.
  return {
    agent: await build(sources.agent),
    counter: await build(sources.counter),
    operator: await build(sources.operator),
    camera: await build(sources.camera),
  };
}

/** @returns the image's id. @throws Error with the end of the builder's output. */
export async function dockerBuild(args: readonly string[], options: CommandOptions): Promise<string> {
  // The registry that npm on this machine uses, by the host's network, because only the host may reach it.
  const registry = (await run('npm', ['config', 'get', 'registry'], { signal: options.signal })).trim();
  const common = ['build', '--quiet', '--network', 'host', '--build-arg', `npm_config_registry=${registry}`];
  return (await run('docker', [...common, ...args], options)).trim();
}

/** Agents run at every site, cameras at the first, operator and counters at the facility. */
export async function loadImages({ agent, counter, operator, camera }: Images, cluster: Cluster, signal: AbortSignal): Promise<void> {
  await Promise.all([
    load([agent, camera], cluster.site, cluster, signal),
    load([agent, counter, operator], cluster.facility, cluster, signal),
  ]);
}

async function load(images: readonly string[], node: string, { name }: Cluster, signal: AbortSignal): Promise<void> {
  const loaded = (await run('docker', ['exec', node, 'ctr', '--namespace', 'k8s.io', 'images', 'list', '--quiet'], { signal })).split('\n');
  const missing = images.filter((image) => !loaded.includes(`docker.io/${image}`));
  if (missing.length > 0)
    await run('kind', ['load', 'docker-image', ...missing, '--name', name, '--nodes', node], { seconds: 600, signal });
}
