/** How many counters the pool has: more at once when streams need them, fewer only when that has been enough for a while. */
import type { PoolConfig } from '../config.ts';

/** A stream that is deleted and created again must not move all others twice. */
const SHRINK_SECONDS = 60;

export function neededCounters(streams: number, { streamsPerCounter, minimum, maximum }: PoolConfig): number {
  return Math.min(maximum, Math.max(minimum, Math.ceil(streams / streamsPerCounter)));
}

export class PoolSize {
  #enoughSince: number | undefined;

  /** @param now monotonic, in seconds. @returns `shrinkSeconds` when the pool may shrink later: how soon to ask again. */
  next(
    needed: number,
    actual: number | undefined,
    { maximum }: Pick<PoolConfig, 'maximum'>,
    now: number,
  ): { readonly replicas: number; readonly shrinkSeconds?: number } {
    if (actual === undefined || needed >= actual || actual > maximum) {
      this.#enoughSince = undefined;
      return { replicas: needed };
    }
    this.#enoughSince ??= now;
    const shrinkSeconds = this.#enoughSince + SHRINK_SECONDS - now;
    return shrinkSeconds <= 0 ? { replicas: needed } : { replicas: actual, shrinkSeconds };
  }
}
