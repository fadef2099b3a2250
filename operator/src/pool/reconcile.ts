/** The pool's story: as many counters as the streams need, and one view of them for the conditions of all streams. */
import { type ApiServer, type KubernetesObject, resources } from '#crds/cluster/api.ts';
import type { Log } from '#proto/process/log.ts';
import type { OperatorConfig } from '../config.ts';
import { cameraStreams, deployments, pods, services } from '../objects/cached.ts';
import { ensure } from '../objects/ensure.ts';
import { componentOf, POOL } from '../objects/labels.ts';
import type { OwnerLookup } from '../objects/owner.ts';
import type { ClusterCache } from '../runtime/cluster-cache.ts';
import { type Controller, type Pass, watch } from '../runtime/controller.ts';
import { desiredPool } from './desired.ts';
import { neededCounters, PoolSize } from './size.ts';
import { activeStreams, type PoolView, poolView, samePool } from './view.ts';

/** Streams are often created many at a time: the pool is resized once for all of them. */
const DELAY_SECONDS = 0.5;

export interface PoolOptions {
  readonly api: ApiServer;
  readonly cache: ClusterCache;
  readonly config: OperatorConfig;
  readonly owner: OwnerLookup;
  readonly log: Log;
  /** The view has changed, and with it the conditions of streams may. */
  readonly onChange: () => void;
}

export interface PoolController extends Controller {
  /** As of the beginning of the last pass. */
  readonly view: () => PoolView;
}

export function poolController(options: PoolOptions): PoolController {
  const { cache, config, onChange } = options;
  const key = `${config.namespace}/${POOL}`;
  const keyOf = (object: KubernetesObject) =>
    componentOf(object) === 'counter' && object.metadata?.namespace === config.namespace ? key : undefined;
  const size = new PoolSize();
  let view: PoolView | undefined;
  return {
    name: 'pool',
    workers: 1,
    watches: [watch(cameraStreams, () => key), watch(deployments, keyOf), watch(services, keyOf), watch(pods, keyOf)],
    delaySeconds: DELAY_SECONDS,
    allKeys: () => [key],
    view: () => (view ??= poolView(cache, config)),
    reconcile: async (_, signal) => {
      // Before any write: the view says what is there, also while the API server rejects what should be.
      const before = view;
      view = poolView(cache, config);
      if (before !== undefined && !samePool(before, view)) onChange();
      return reconcilePool(size, options, signal);
    },
  };
}

/** @throws for every fault: the pool has no status that could report one, so the queue logs it and retries. */
async function reconcilePool(size: PoolSize, options: PoolOptions, signal: AbortSignal): Promise<Pass> {
  const { cache, config, owner } = options;
  const service = cache.get(services, config.namespace, POOL);
  const deployment = cache.get(deployments, config.namespace, POOL);
  const needed = neededCounters(activeStreams(cache), config.counter);
  const { replicas, shrinkSeconds } = size.next(needed, deployment?.spec?.replicas, config.counter, performance.now() / 1000);
  const desired = desiredPool(replicas, config, await owner(signal));
  await ensure(resources.services, { desired: desired.service, actual: service }, options, signal);
  await ensure(resources.deployments, { desired: desired.deployment, actual: deployment }, options, signal);
  return shrinkSeconds === undefined ? {} : { requeueAfterSeconds: shrinkSeconds };
}
