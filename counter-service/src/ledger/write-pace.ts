/**
 * The pace of status writes: for each stream at most one write in PACE_SECONDS, over all writers of this counter. A write
 * counts from its answer on, so that two writes are that far apart at the API server as well.
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

export class WritePace {
  readonly #clock: Clock;
  /** Time of each stream's last write, oldest first. */
  readonly #writtenAt = new Map<string, number>();

  constructor(of: Clock = clock) {
    this.#clock = of;
  }

  /** Resolves when the stream may be written again. @throws the signal's reason. */
  async waitForTurn(uid: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const wait = (this.#writtenAt.get(uid) ?? -Infinity) + PACE_SECONDS - this.#clock.seconds();
      if (wait <= 0) return;
      await this.#clock.pause(wait, signal);
    }
  }

  recordWrite(uid: string): void {
    const now = this.#clock.seconds();
    this.#writtenAt.delete(uid);
    this.#writtenAt.set(uid, now);
    for (const [other, at] of this.#writtenAt) {
      if (now - at < PACE_SECONDS) break;
      this.#writtenAt.delete(other);
    }
  }
}
