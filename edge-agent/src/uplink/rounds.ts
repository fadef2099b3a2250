/**
 * Which counter to dial next, and when. A round tries each counter that the directory knows once, best-ranked first
 * and without waiting, so one that is dead is not dialed again while others are untried. After the round, or when
 * nobody is known at all, comes a wait with full jitter: also when each of them took the stream and lost it again, for
 * video that no counter survives must not be handed around without a pause.
 */
import { backoffSeconds, pause } from '#proto/process/backoff.ts';
import type { Directory } from './directory.ts';
import { nextInRank } from './ranking.ts';

/**
 * Twice as long after every second round: the one counter there is, killed, is back within two seconds, and must not be
 * waited out for long.
 */
const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 15 };

export interface RoundsOptions {
  /** The stream's uid, by which the counters are ranked. */
  readonly uid: string;
  readonly directory: Directory;
  readonly onNobody: (sentence: string) => void;
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

  /** host:port; none when the signal aborts. */
  async next(signal: AbortSignal): Promise<string | undefined> {
    const { uid, directory, onNobody, random, wait = pause } = this.#options;
    while (!signal.aborted) {
      const { addresses, sentence } = await directory.lookUp(signal);
      if (signal.aborted) break;
      const address = nextInRank(uid, addresses, this.#tried);
      if (address !== undefined) {
        this.#tried.add(address);
        return address;
      }
      if (addresses.length === 0) onNobody(sentence);
      this.#failures += 1;
      this.#tried.clear();
      await wait(backoffSeconds(BACKOFF, Math.ceil(this.#failures / 2), random()), signal);
    }
    return undefined;
  }

  /** Counts came: the next wait is a short one again. */
  served(): void {
    this.#failures = 0;
  }
}
