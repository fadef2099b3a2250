/**
 * Keys that somebody has to look at, by the rules that make reconciling safe:
 *
 *   ready ──taken──▶ working ──done──▶ gone
 *     ▲                 │ └──added meanwhile──▶ ready, when done
 *     └──due── delayed ◀┘ failed (backoff), or asked for
 *
 * A key is ready once however often it was added, and never with two workers. Being delayed is apart from the rest: a
 * key that is due later may be taken before, and is looked at again when due. So the queue holds a key three times at
 * most, and is as large as there are keys.
 */
import { type Backoff, backoffSeconds } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { type Clock, monotonic } from './clock.ts';

/** What a conflict or a hiccup broke goes at once; what a person mends is seen within a minute. */
const BACKOFF: Backoff = { initialSeconds: 0.25, maximumSeconds: 60 };
const OBSERVE_SECONDS = 1;

export type Result = 'success' | 'error' | 'requeue_after';

/** Told what the queue does, for metrics. */
export interface QueueObserver {
  added(depth: number): void;
  started(waitedSeconds: number, depth: number): void;
  finished(workedSeconds: number, result: Result): void;
  retried(): void;
  /** Every second: for how long keys have been worked on, all together and the longest. */
  working(seconds: number, longestSeconds: number): void;
}

export interface QueueOptions {
  readonly observer?: QueueObserver;
  /** A key failed and is tried again. */
  readonly onFault?: (key: string, error: unknown, retrySeconds: number) => void;
  readonly backoff?: Backoff;
  readonly clock?: Clock;
  /** 0 to 1. */
  readonly random?: () => number;
}

export interface QueueRun {
  readonly workers: number;
  /** Looks at a key; throwing is a failure. */
  readonly process: (key: string, signal: AbortSignal) => Promise<{ readonly requeueAfterSeconds?: number }>;
  readonly signal: AbortSignal;
}

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  /** In their order, with the time since when. */
  readonly #ready = new Map<string, number>();
  /** With the time since when. */
  readonly #working = new Map<string, number>();
  /** In work, and added again. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly due: number; readonly cancel: () => void }>();
  /** Failures in a row, of keys that failed last. */
  readonly #failures = new Map<string, number>();
  readonly #changed = new ConditionVariable();

  constructor(options: QueueOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? monotonic;
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  add(key: string): void {
    if (this.#working.has(key)) {
      this.#again.add(key);
      return;
    }
    if (this.#ready.has(key)) return;
    this.#ready.set(key, this.#clock.now());
    this.#options.observer?.added(this.depth);
    this.#changed.notify();
  }

  /** The earliest of several wins. */
  addAfter(key: string, seconds: number): void {
    const due = this.#clock.now() + seconds;
    const planned = this.#delayed.get(key);
    if (planned !== undefined && planned.due <= due) return;
    planned?.cancel();
    const cancel = this.#clock.after(seconds, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { due, cancel });
  }

  /**
   * Until the signal aborts and the workers have ended what they were at. What is left waits for the next run, but for
   * what was delayed.
   */
  async run(run: QueueRun): Promise<void> {
    const stop = this.#observe();
    try {
      await Promise.all(Array.from({ length: run.workers }, () => this.#work(run)));
    } finally {
      stop();
      for (const { cancel } of this.#delayed.values()) cancel();
      this.#delayed.clear();
    }
  }

  async #work(run: QueueRun): Promise<void> {
    while (!run.signal.aborted) {
      const key = this.#take();
      if (key === undefined) await this.#changed.wait(run.signal).catch(() => undefined);
      else await this.#lookAt(key, run);
    }
  }

  #take(): string | undefined {
    for (const [key, since] of this.#ready) {
      this.#ready.delete(key);
      const now = this.#clock.now();
      this.#working.set(key, now);
      this.#options.observer?.started(now - since, this.depth);
      return key;
    }
    return undefined;
  }

  async #lookAt(key: string, { process, signal }: QueueRun): Promise<void> {
    let result: Result = 'success';
    try {
      const { requeueAfterSeconds } = await process(key, signal);
      this.#failures.delete(key);
      if (requeueAfterSeconds !== undefined) {
        result = 'requeue_after';
        this.addAfter(key, requeueAfterSeconds);
      }
    } catch (error) {
      result = 'error';
      if (!signal.aborted) this.#retry(key, error);
    } finally {
      this.#options.observer?.finished(this.#clock.now() - this.#working.get(key)!, result);
      this.#working.delete(key);
      if (this.#again.delete(key)) this.add(key);
    }
  }

  #retry(key: string, error: unknown): void {
    const { backoff = BACKOFF, random = Math.random, observer, onFault } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const seconds = backoffSeconds(backoff, failures, random());
    observer?.retried();
    onFault?.(key, error, seconds);
    this.addAfter(key, seconds);
  }

  #observe(): () => void {
    const { observer } = this.#options;
    if (observer === undefined) return () => undefined;
    let cancel: () => void;
    const tell = () => {
      const seconds = [...this.#working.values()].map((since) => this.#clock.now() - since);
      observer.working(
        seconds.reduce((sum, one) => sum + one, 0),
        Math.max(0, ...seconds),
      );
      cancel = this.#clock.after(OBSERVE_SECONDS, tell);
    };
    tell();
    return () => cancel();
  }
}
