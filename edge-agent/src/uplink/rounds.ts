/**
 * Which counter to dial next, and when. A round tries each counter that the directory knows once, best-ranked first
 * and without waiting, so a dead one is not dialed again while others are untried. After a round, or when the directory
 * knows none, comes a wait with full jitter: also when each counter took the stream and lost it again, for video that
 * kills counters must not go around without a pause.
 */
import { backoffSeconds, pause } from '#proto/process/backoff.ts';
import type { Directory } from './directory.ts';
import { nextInRank } from './ranking.ts';

/** Twice as long after every second round: a single counter that was killed is back within two seconds, and must be found soon. */
const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 15 };

export interface RoundsOptions {
  /** The stream's uid, by which the counters are ranked. */
  readonly uid: string;
  readonly directory: Directory;
  /** The directory knows no counter. */
  readonly onNoCounter: (sentence: string) => void;
  readonly random: () => number;
  /** By default time passes. */
  readonly wait?: (seconds: number, signal: AbortSignal) => Promise<void>;
}

export class Rounds {
  readonly #options: RoundsOptions;
  readonly #tried = new Set<string>();
  #failures = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** host:port; undefined when the signal aborts. */
  async next(signal: AbortSignal): Promise<string | undefined> {
    const { uid, directory, onNoCounter, random, wait = pause } = this.#options;
    while (!signal.aborted) {
      const { addresses, sentence } = await directory.lookUp(signal);
      if (signal.aborted) break;
      const address = nextInRank(uid, addresses, this.#tried);
      if (address !== undefined) {
        this.#tried.add(address);
        return address;
      }
      if (addresses.length === 0) onNoCounter(sentence);
      this.#failures += 1;
      this.#tried.clear();
      await wait(backoffSeconds(BACKOFF, Math.ceil(this.#failures / 2), random()), signal);
    }
    return undefined;
  }

  /** A counter sent counts: the next wait is a short one again. */
  served(): void {
    this.#failures = 0;
  }
}
