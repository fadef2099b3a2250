/** The counter pool as it is: its pods, what they show, what runs in them. */
import { resources, type V1Pod } from '#crds/cluster/api.ts';
import { POOL, SYSTEM } from './installation.ts';
import type { World } from './scenario.ts';

/** Pods that are not on their way out. */
export async function counterPods({ api, signal }: World): Promise<readonly V1Pod[]> {
  const { items } = await api.list<V1Pod>(resources.pods, { namespace: SYSTEM, labelSelector: 'app.kubernetes.io/component=counter' }, signal);
  return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
}

export function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
}

/** Series of a counter's /metrics that belong to a stream of this namespace. */
export async function seriesOf(namespace: string, pod: string, { kubectl }: World): Promise<readonly string[]> {
  const page = await kubectl(['get', '--raw', `/api/v1/namespaces/${SYSTEM}/pods/${pod}:8080/proxy/metrics`]);
  return page.split('\n').filter((line) => line.includes(`"${namespace}/`));
}

/** Command lines of the decoders that run in a counter. */
export async function decodersOf(pod: string, { kubectl }: World): Promise<readonly string[]> {
  // There is no shell in the image.
  const every = `for (const file of fs.globSync('/proc/[0-9]*/cmdline')) try { console.log(fs.readFileSync(file, 'utf8').replaceAll('\\0', ' ')) } catch {}`;
  const lines = (await kubectl(['exec', `--namespace=${SYSTEM}`, pod, '--', 'node', '--eval', every])).split('\n');
  return lines.filter((line) => /^\S*ffmpeg /.test(line));
}

/** Waits until the pool has so many counters, all of them ready, and no other. */
export async function whenPoolHas(count: number, seconds: number, world: World): Promise<readonly V1Pod[]> {
  return world.eventually(`${POOL} has ${count} counters`, seconds, async () => {
    const pods = await counterPods(world);
    if (pods.length !== count || !pods.every(isReady)) throw new Error(`${pods.length} counters, of which ${pods.filter(isReady).length} are ready`);
    return pods;
  });
}
