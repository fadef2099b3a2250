/** Kills containers, pods and nodes without warning, in a random order that a seed reproduces. */
import type { V1Pod } from '#crds/cluster/api.ts';
import { Random } from '../machine/random.ts';
import { run } from './commands.ts';
import type { World } from './scenario.ts';

/** What dies; each appears as often as in that many deaths. */
const BAG = [
  'counter container',
  'counter container',
  'counter pod',
  'agent container',
  'agent container',
  'agent pod',
  'operator pod',
  'node',
] as const;
/** Between deaths; some come before the product has recovered. The kubelet delays a container that dies more often by minutes. */
const PAUSE_SECONDS = { least: 4, most: 26 };

export interface Death {
  readonly what: (typeof BAG)[number];
  /** Since the previous death. */
  readonly afterSeconds: number;
  /** Chooses among the candidates: from 0 to below 1. */
  readonly which: number;
}

/** Endless. */
export function* deaths(seed: number): Generator<Death> {
  const random = new Random(seed);
  const draw = () => random.fraction();
  for (let bag: (typeof BAG)[number][] = []; ;) {
    if (bag.length === 0) bag = [...BAG];
    const [what] = bag.splice(Math.floor(draw() * bag.length), 1);
    yield { what: what!, afterSeconds: PAUSE_SECONDS.least + draw() * (PAUSE_SECONDS.most - PAUSE_SECONDS.least), which: draw() };
  }
}

/** Sends SIGKILL on the pod's node. */
export async function killContainer(pod: V1Pod, { signal }: World): Promise<void> {
  await run(
    'docker',
    ['exec', pod.spec!.nodeName!, 'ctr', '--namespace', 'k8s.io', 'tasks', 'kill', '--signal', 'SIGKILL', containerIdOf(pod)],
    { signal },
  );
}

export function containerIdOf({ status }: V1Pod): string {
  return status!.containerStatuses![0]!.containerID!.replace('containerd://', '');
}

/** Kills the container first: a pod that is only deleted, even by force, gets SIGTERM and drains. */
export async function killPod(pod: V1Pod, world: World): Promise<void> {
  await killContainer(pod, world);
  await world.kubectl(['delete', 'pod', pod.metadata!.name!, `--namespace=${pod.metadata!.namespace}`, '--force', '--grace-period=0']);
}

/** Cuts the node's power, and restores it. */
export async function killNode(node: string, { signal }: World): Promise<void> {
  await run('docker', ['kill', node], { signal });
  await run('docker', ['start', node], { signal });
}
