/**
 * The pace of status writes: at most one in PACE_SECONDS for each stream, whoever in this counter writes. A write counts
 * from its answer on, so that two are that far apart at the API server, too.
 */
import { pause } from '#proto/process/backoff.ts';

export const PACE_SECONDS = 2;

export interface Clock {
  /** Seconds; never goes back. */
  readonly seconds: () => number;
  /** As `pause`: returns early when the signal aborts. */
  readonly pause: (seconds: number, signal: AbortSignal) => Promise<void>;
  readonly date: () => Date;
}

export const clock: Clock = { seconds: () => performance.now() / 1000, pause, date: () => new Date() };

export class Pace {
  readonly #clock: Clock;
  /** In the order of their writes: the first one is forgotten first. */
  readonly #written = new Map<string, number>();

  constructor(of: Clock = clock) {
    this.#clock = of;
  }

  /** Waits until the stream may be written again. @throws the signal's reason. */
  async turn(uid: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const wait = (this.#written.get(uid) ?? -Infinity) + PACE_SECONDS - this.#clock.seconds();
      if (wait <= 0) return;
      await this.#clock.pause(wait, signal);
    }
  }

  wrote(uid: string): void {
    const now = this.#clock.seconds();
    this.#written.delete(uid);
    this.#written.set(uid, now);
    for (const [other, at] of this.#written) {
      if (now - at < PACE_SECONDS) break;
      this.#written.delete(other);
    }
  }
}
