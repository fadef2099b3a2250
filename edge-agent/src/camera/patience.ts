/** Bounds how long a reader waits for a camera, for one connection. */
import { silenceFault } from './faults.ts';

export interface PatienceOptions {
  /** For each step up to the first access unit, while nothing comes. Default 20. */
  readonly connectSeconds?: number;
  /** Without an access unit for this long a connected camera is given up. Default 10. */
  readonly silenceSeconds?: number;
}

export class Patience {
  /** Aborts with the caller's signal, or with a CameraFault when the wait was too long. */
  readonly signal: AbortSignal;
  /** Whether the camera has sent an access unit. */
  connected = false;
  readonly #url: string;
  readonly #options: Required<PatienceOptions>;
  readonly #lost = new AbortController();

  constructor(url: string, { connectSeconds = 20, silenceSeconds = 10 }: PatienceOptions, signal: AbortSignal) {
    this.#url = url;
    this.#options = { connectSeconds, silenceSeconds };
    this.signal = AbortSignal.any([signal, this.#lost.signal]);
  }

  /** Whether a wait was too long. */
  get isOver(): boolean {
    return this.#lost.signal.aborted;
  }

  /** How long the next wait may be. */
  get seconds(): number {
    const { connectSeconds, silenceSeconds } = this.#options;
    return this.connected ? silenceSeconds : connectSeconds;
  }

  /** Each wait has its full time: what the reader does in between is not the camera's. */
  async wait<T>(next: Promise<T>): Promise<T> {
    return (await this.#race(next, () => false))!;
  }

  /** Undefined when the time is over, and the camera has sent something meanwhile. @param sent how much, so far. */
  async waitOrSee<T>(next: Promise<T>, sent: () => number): Promise<T | undefined> {
    const before = sent();
    return this.#race(next, () => sent() > before);
  }

  #race<T>(next: Promise<T>, hasSent: () => boolean): Promise<T | undefined> {
    const { seconds } = this;
    const { promise: seen, resolve: see } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => {
      if (hasSent()) see(undefined);
      else this.#lost.abort(silenceFault(this.#url, seconds, this.connected));
    }, seconds * 1000);
    return Promise.race([next, seen]).finally(() => clearTimeout(timer));
  }
}
