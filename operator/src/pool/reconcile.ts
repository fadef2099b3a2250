/** The pool's own story: as many counters as the streams need, and one view of it for the conditions of all streams. */
import { resources, type V1OwnerReference } from '#crds/cluster/api.ts';
import type { PoolView } from '../streams/conditions.ts';
import type { PoolConfig } from '../config.ts';
import { desiredPool, poolSize } from './desired.ts';
import { ensure, type Operator, type Pass } from '../streams/reconcile.ts';

/** A stream that is deleted and made anew must not move all others twice. */
const SHRINK_SECONDS = 60;

/** How large the pool is to be: larger at once, smaller when that has been enough for a while. */
export class PoolSize {
  #enoughSince: number | undefined;

  /** @param now seconds that never go back. @returns in how many seconds to ask again, when it would be smaller. */
  settle(
    needed: number,
    there: number | undefined,
    bounds: Pick<PoolConfig, 'minimum' | 'maximum'>,
    now: number,
  ): { size: number; againSeconds?: number } {
    if (there === undefined || needed >= there || there > bounds.maximum) {
      this.#enoughSince = undefined;
      return { size: needed };
    }
    this.#enoughSince ??= now;
    const againSeconds = this.#enoughSince + SHRINK_SECONDS - now;
    return againSeconds <= 0 ? { size: needed } : { size: there, againSeconds };
  }
}

/** Throws for everything that goes wrong: there is no status to tell it in, so it is logged and tried again. */
export async function reconcilePool(
  operator: Operator,
  size: PoolSize,
  owner: V1OwnerReference | undefined,
  signal: AbortSignal,
): Promise<{ view: PoolView } & Pass> {
  const { world, config } = operator;
  const there = world.pool();
  const needed = poolSize(world.activeStreams(), config.counter);
  const settled = size.settle(needed, there.deployment?.spec?.replicas, config.counter, performance.now() / 1000);
  const desired = desiredPool(settled.size, config, owner);
  await ensure(resources.services, desired.service, there.service, operator, signal);
  await ensure(resources.deployments, desired.deployment, there.deployment, operator, signal);
  return { view: world.poolView(config.counter), ...(settled.againSeconds !== undefined && { requeueAfterSeconds: settled.againSeconds }) };
}

/** Whether streams have to be judged anew. */
export function samePool(one: PoolView, other: PoolView): boolean {
  const sameCounters =
    one.ready.size === other.ready.size && [...one.ready].every(([counter, since]) => other.ready.get(counter) === since);
  return one.full === other.full && one.trouble === other.trouble && sameCounters;
}
