/** Ways in which something dies without a word, and in which order they are tried: drawn by a seed, so that it can be done again. */
import type { V1Pod } from '#crds/cluster/api.ts';
import { run } from './commands.ts';
import type { World } from './scenario.ts';

/** What dies, as often as each is named here among as many deaths. */
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
/** Between deaths; some come before the last one is overcome. A container that dies more often is held back for minutes. */
const PAUSE_SECONDS = { least: 4, most: 26 };

export interface Death {
  readonly what: (typeof BAG)[number];
  /** After the one before. */
  readonly afterSeconds: number;
  /** Which of those that there are: from 0 to below 1. */
  readonly which: number;
}

/** Endless. */
export function* deaths(seed: number): Generator<Death> {
  const draw = randomOf(seed);
  for (let bag: (typeof BAG)[number][] = []; ;) {
    if (bag.length === 0) bag = [...BAG];
    const [what] = bag.splice(Math.floor(draw() * bag.length), 1);
    yield { what: what!, afterSeconds: PAUSE_SECONDS.least + draw() * (PAUSE_SECONDS.most - PAUSE_SECONDS.least), which: draw() };
  }
}

/** mulberry32, by Tommy Ettinger. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** SIGKILL, from its node. */
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

/** A pod that is only deleted, even by force, is told to stop, and says goodbye. */
export async function killPod(pod: V1Pod, world: World): Promise<void> {
  await killContainer(pod, world);
  await world.kubectl(['delete', 'pod', pod.metadata!.name!, `--namespace=${pod.metadata!.namespace}`, '--force', '--grace-period=0']);
}

/** Power is cut, and comes back. */
export async function killNode(node: string, { signal }: World): Promise<void> {
  await run('docker', ['kill', node], { signal });
  await run('docker', ['start', node], { signal });
}
