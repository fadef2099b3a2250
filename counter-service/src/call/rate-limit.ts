/** A token bucket: the rate in the long run, and the largest burst. */
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

  /** Takes one token. @returns false when there is none. */
  take(nowSeconds: number): boolean {
    const { perSecond, burst } = this.#limit;
    this.#left = Math.min(burst, this.#left + (nowSeconds - this.#at) * perSecond);
    this.#at = nowSeconds;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** The size of the table of peers. Beyond it the peer whose last call is oldest is forgotten, and starts with a full bucket. */
const MAX_PEERS = 1024;

/** Limits the calls of each peer, and of all peers together. */
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
    // A peer that exceeds its own rate takes no token of the common bucket.
    return rate.take(now) && this.#all.take(now);
  }
}
