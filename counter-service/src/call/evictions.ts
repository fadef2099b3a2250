/** Watches for every reason to evict one stream: its spec, its caller's token, the drain of the counter, the counting. */
import { pause } from '#proto/process/backoff.ts';
import { Refused } from '../refusal.ts';
import { type Eviction, EVICTIONS, signalOf, waitForSpecEviction } from '../specs/eviction.ts';
import type { Admission } from './admission.ts';

/** A caller whose token is no longer valid may take this long to store its last checkpoint. */
const EVICTED_CALLER_SECONDS = 10;

export interface EvictionsOptions {
  /** Aborted when the counter drains. */
  readonly draining: AbortSignal;
  /** Aborted when the call ends. */
  readonly signal: AbortSignal;
  /** Called with a reason to end the call at once, without settling. */
  readonly onFault: (error: unknown) => void;
}

export class Evictions {
  /** Aborted, with the Eviction, when the stream is to be settled and its call ended. */
  readonly signal: AbortSignal;
  readonly #own = new AbortController();
  readonly #draining: AbortSignal;
  readonly #drain = () => this.evict(EVICTIONS.drain);

  constructor({ followed, model, caller }: Admission, { draining, signal, onFault }: EvictionsOptions) {
    const bySpec = signalOf(waitForSpecEviction(followed, model, signal), onFault);
    const evictedCaller = caller && signalOf(caller.waitForEviction(signal), onFault);
    evictedCaller?.addEventListener('abort', () => {
      const { sentence } = evictedCaller.reason as Eviction;
      void pause(EVICTED_CALLER_SECONDS, signal).then(() => onFault(new Refused('UNAUTHORIZED', sentence)));
    });
    this.#draining = draining;
    if (draining.aborted) this.#drain();
    draining.addEventListener('abort', this.#drain, { once: true });
    this.signal = AbortSignal.any([this.#own.signal, bySpec, ...(evictedCaller ? [evictedCaller] : [])]);
  }

  /** Valid once `signal` is aborted. */
  get reason(): Eviction {
    return this.signal.reason as Eviction;
  }

  evict(eviction: Eviction): void {
    this.#own.abort(eviction);
  }

  stop(): void {
    this.#draining.removeEventListener('abort', this.#drain);
  }
}
