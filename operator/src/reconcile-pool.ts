/** The pool's own story: as many counters as the streams need, and one view of it for the conditions of all streams. */
import { resources, type V1OwnerReference } from '#crds/cluster/api.ts';
import type { PoolView } from './conditions.ts';
import { desiredPool } from './pool.ts';
import { ensure, type Operator } from './reconcile.ts';

/** Throws for everything that goes wrong: there is no status to tell it in, so it is logged and tried again. */
export async function reconcilePool(operator: Operator, owner: V1OwnerReference | undefined, signal: AbortSignal): Promise<PoolView> {
  const { world, config } = operator;
  const desired = desiredPool(world.activeStreams(), config, owner);
  const there = world.pool();
  await ensure(resources.services, desired.service, there.service, operator, signal);
  await ensure(resources.deployments, desired.deployment, there.deployment, operator, signal);
  return world.poolView(config.counter);
}

/** Whether streams have to be judged anew. */
export function samePool(one: PoolView, other: PoolView): boolean {
  return one.full === other.full && one.trouble === other.trouble && one.ready.size === other.ready.size && [...one.ready].every((counter) => other.ready.has(counter));
}
