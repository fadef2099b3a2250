/** The counter pool, as the informer caches show it. */
import type { V1Pod } from '#crds/cluster/api.ts';
import type { OperatorConfig } from '../config.ts';
import { cameraStreams, pods } from '../objects/cached.ts';
import { POOL } from '../objects/labels.ts';
import { hasFinished, isTerminating, newestFirst, podTrouble } from '../objects/pods.ts';
import type { ClusterCache } from '../runtime/cluster-cache.ts';

/** What the conditions of streams are judged by. */
export interface PoolView {
  /** The ready counters, and since when each of them runs, in milliseconds since 1970. */
  readonly ready: ReadonlyMap<string, number>;
  /** Whether the ready counters serve as many streams as they can. */
  readonly full: boolean;
  readonly streamsPerCounter: number;
  /** How many counters the pool may have. */
  readonly maximum: number;
  /** What keeps a counter from starting, if anything does. */
  readonly trouble: string | undefined;
}

/** Streams that need a counter. */
export function activeStreams(cache: ClusterCache): number {
  return cache.list(cameraStreams).filter(({ spec }) => !spec.suspend).length;
}

export function poolView(cache: ClusterCache, { namespace, counter }: Pick<OperatorConfig, 'namespace' | 'counter'>): PoolView {
  const { streamsPerCounter, maximum } = counter;
  const staying = cache
    .indexed(pods, POOL)
    .filter((pod) => pod.metadata?.namespace === namespace && !hasFinished(pod) && !isTerminating(pod))
    .toSorted(newestFirst)
    .map((pod) => ({ pod, trouble: podTrouble(pod) }));
  const ready = new Map(staying.flatMap(({ pod, trouble }) => (trouble === undefined ? [[pod.metadata!.name!, runsSince(pod)]] : [])));
  const served = [...ready.keys()].reduce((sum, name) => sum + cache.indexed(cameraStreams, name).length, 0);
  const troubled = staying.find(({ trouble }) => trouble !== undefined);
  const trouble = troubled && `Counter ${troubled.pod.metadata!.name} ${troubled.trouble!.sentence}`;
  return { ready, full: served >= ready.size * streamsPerCounter, streamsPerCounter, maximum, trouble };
}

/** Whether two views lead to the same conditions. */
export function samePool(one: PoolView, other: PoolView): boolean {
  const sameCounters =
    one.ready.size === other.ready.size && [...one.ready].every(([counter, since]) => other.ready.get(counter) === since);
  return one.full === other.full && one.trouble === other.trouble && sameCounters;
}

/** Milliseconds since 1970. */
function runsSince({ status }: V1Pod): number {
  return Date.parse(status?.containerStatuses?.[0]?.state?.running?.startedAt ?? '') || 0;
}
