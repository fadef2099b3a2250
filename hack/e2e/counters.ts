/** The counter pool: its pods, their metrics and their decoders. */
import { resources, type V1Pod } from '#crds/cluster/api.ts';
import { run } from './commands.ts';
import { POOL, SYSTEM } from './installation.ts';
import { containerIdOf } from './kills.ts';
import type { World } from './scenario.ts';

/** Pods that are not being deleted. */
export async function counterPods({ api, signal }: World): Promise<readonly V1Pod[]> {
  const { items } = await api.list<V1Pod>(
    resources.pods,
    { namespace: SYSTEM, labelSelector: 'app.kubernetes.io/component=counter' },
    signal,
  );
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

/** Command lines of a counter's decoders, read on its node: the image has no program to list them. */
export async function decodersOf(pod: V1Pod, { signal }: World): Promise<readonly string[]> {
  const list = `grep -q ${containerIdOf(pod)} $p/cgroup && tr "\\0" " " < $p/cmdline && echo`;
  const script = `for p in /proc/[0-9]*; do ${list}; done 2>/dev/null; true`;
  const lines = (await run('docker', ['exec', pod.spec!.nodeName!, 'sh', '-c', script], { signal })).split('\n');
  return lines.filter((line) => /^\S*ffmpeg /.test(line));
}

/** Waits until the pool has exactly so many counters, all of them ready. */
export async function untilPoolHas(count: number, seconds: number, world: World): Promise<readonly V1Pod[]> {
  return world.eventually(`${POOL} has ${count} counters`, seconds, async () => {
    const pods = await counterPods(world);
    if (pods.length !== count || !pods.every(isReady))
      throw new Error(`${pods.length} counters, of which ${pods.filter(isReady).length} are ready`);
    return pods;
  });
}
