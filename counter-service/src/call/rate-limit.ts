/** How often something may happen: in bursts, and in the long run (a token bucket). */
export interface Limit {
  readonly perSecond: number;
  readonly burst: number;
}

export class Rate {
  readonly #limit: Limit;
  #left: number;
  #at: number;

  constructor(limit: Limit, nowSeconds: number) {
    this.#limit = limit;
    this.#left = limit.burst;
    this.#at = nowSeconds;
  }

  /** Whether it may happen now; then it has. */
  take(nowSeconds: number): boolean {
    const { perSecond, burst } = this.#limit;
    this.#left = Math.min(burst, this.#left + (nowSeconds - this.#at) * perSecond);
    this.#at = nowSeconds;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** A table of peers is as large as this; whoever was not heard for longest is forgotten, and begins anew. */
const MAX_PEERS = 1024;

/** How often anybody calls, and everybody together. */
export class CallerRates {
  readonly #each: Limit;
  readonly #all: Rate;
  readonly #now: () => number;
  readonly #peers = new Map<string, Rate>();

  /** @param now seconds of a clock that never goes back. */
  constructor(each: Limit, all: Limit, now: () => number) {
    this.#each = each;
    this.#all = new Rate(all, now());
    this.#now = now;
  }

  get peers(): number {
    return this.#peers.size;
  }

  take(peer: string): boolean {
    const now = this.#now();
    const rate = this.#peers.get(peer) ?? new Rate(this.#each, now);
    this.#peers.delete(peer);
    this.#peers.set(peer, rate);
    if (this.#peers.size > MAX_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
    // One that calls too often takes nothing from the others.
    return rate.take(now) && this.#all.take(now);
  }
}
