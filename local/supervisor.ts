/**
 * A process that is started again when it dies before its work is done, after a backoff with full jitter. It is given up
 * when it has died soon after its start too often in a row.
 *
 *   running ──dies──▶ waiting ──▶ running        ──done, stopped, or dead too often──▶ over
 */
import { waitBackoff } from '#proto/process/backoff.ts';
import type { Child } from './child.ts';

const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 4 };
const MAX_RESTARTS = 5;
/** A process that ran this long starts the count of restarts again. */
const STABLE_SECONDS = 60;

export interface SupervisedOptions {
  readonly start: () => Child;
  /** Whether a process that has ended has done its work. */
  readonly isDone: (child: Child) => boolean;
  /** It died and will be started again. */
  readonly onDeath: (lastWords: string) => void;
}

export class Supervised {
  readonly first: Child;
  /** Resolves with the last process, once it has ended for good. */
  readonly over: Promise<Child>;
  readonly #options: SupervisedOptions;
  readonly #stopping = new AbortController();
  #current: Child;

  constructor(options: SupervisedOptions) {
    this.#options = options;
    this.first = options.start();
    this.#current = this.first;
    this.over = this.#keepRunning();
  }

  /** Asks it to end; resolves when it has. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#current.stop();
    await this.over;
  }

  async #keepRunning(): Promise<Child> {
    const { start, isDone, onDeath } = this.#options;
    const { signal } = this.#stopping;
    for (let restarts = 1; ; restarts += 1) {
      const startedAt = performance.now();
      await this.#current.exited;
      if (performance.now() - startedAt > STABLE_SECONDS * 1000) restarts = 1;
      if (signal.aborted || isDone(this.#current) || restarts > MAX_RESTARTS) return this.#current;
      onDeath(this.#current.lastWords());
      await waitBackoff(BACKOFF, restarts, signal);
      if (signal.aborted) return this.#current;
      this.#current = start();
    }
  }
}
