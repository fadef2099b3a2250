/** Bounds how long a reader waits for a camera, for one connection. */
import { silenceFault } from './faults.ts';

export interface PatienceOptions {
  /**
   * For each step up to the first access unit. Default 20: some cameras announce their codec only with a keyframe, and
   * those may be 10 s apart.
   */
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

  /** Each wait has its full time: what the reader does in between is not the camera's. */
  wait<T>(next: Promise<T>): Promise<T> {
    const { connectSeconds, silenceSeconds } = this.#options;
    const seconds = this.connected ? silenceSeconds : connectSeconds;
    const timer = setTimeout(() => this.#lost.abort(silenceFault(this.#url, seconds, this.connected)), seconds * 1000);
    return next.finally(() => clearTimeout(timer));
  }
}
