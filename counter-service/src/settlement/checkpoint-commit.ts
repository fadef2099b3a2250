/**
 * How counts become final: store ─▶ commit ─▶ release.
 *
 *   store    the agent keeps the checkpoint
 *   commit   the ledger keeps the counts, if they changed
 *   release  the agent may forget what lies before the checkpoint
 *
 * In this order a counter may die between any two steps: whoever comes next finds the checkpoint of what is
 * committed, or a newer one. One checkpoint is under way at a time.
 */
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { CounterMessage } from '#proto/wire/protocol.ts';
import type { CrossingEvent } from '../counting/counter.ts';
import type { CommittedCounts, LedgerWriter } from '../ledger/ledger.ts';

export interface Snapshot {
  readonly position: number;
  readonly presentationMicros: number;
  /** Everything a counter needs to go on. */
  readonly checkpoint: Buffer;
  readonly counts: CommittedCounts;
  /** Since the last commit. */
  readonly crossings: readonly CrossingEvent[];
}

export class CheckpointCommit {
  readonly #send: (message: CounterMessage) => Promise<void>;
  readonly #tenure: LedgerWriter;
  readonly #signal: AbortSignal;
  readonly #changed = new ConditionVariable();
  #serial = 0;
  #stored = 0;
  #committed: string;
  #position: number;

  constructor(tenure: LedgerWriter, send: (message: CounterMessage) => Promise<void>, session: string, signal: AbortSignal) {
    this.#tenure = tenure;
    this.#send = send;
    this.#signal = signal;
    this.#position = positionOf(tenure.counts, session);
    this.#committed = tenure.counts ? substance(tenure.counts) : '';
  }

  /** Up to here the ledger holds the counts, or would hold the same ones. */
  get position(): number {
    return this.#position;
  }

  /** Whether these counts say something that the ledger does not. */
  differs(counts: CommittedCounts): boolean {
    return substance(counts) !== this.#committed;
  }

  /** The agent has stored the checkpoint of this serial. */
  stored(serial: number): void {
    this.#stored = Math.max(this.#stored, serial);
    this.#changed.notify();
  }

  /**
   * Resolves when the snapshot is final. @throws Fenced; anything else means that the call or the ledger broke.
   * @param beforeCommit what is said of the stream here is written together with its counts.
   */
  async settle(snapshot: Snapshot, beforeCommit?: () => void): Promise<void> {
    const serial = (this.#serial += 1);
    const { position, presentationMicros, checkpoint } = snapshot;
    await this.#send({ storeCheckpoint: { serial, position, presentationMicros, checkpoint } });
    while (this.#stored < serial) await this.#changed.wait(this.#signal);
    beforeCommit?.();
    // The last one is committed in any case: whoever comes next declares as a gap what lies after the time it names.
    if (beforeCommit !== undefined || this.differs(snapshot.counts)) {
      await this.#tenure.commit(snapshot.counts, snapshot.crossings);
      this.#committed = substance(snapshot.counts);
    } else {
      this.#tenure.settled(snapshot.counts);
    }
    this.#position = position;
    await this.#send({ release: { serial } });
  }
}

/** Access units of this session up to here are committed; another session's numbers mean nothing in it. */
export function positionOf(counts: CommittedCounts | undefined, session: string): number {
  return counts?.session === session ? counts.position : 0;
}

/** What is worth a write: a position that moved over an empty floor is not. */
function substance({ session, in: entered, out, lines, zones, gaps }: CommittedCounts): string {
  return JSON.stringify({ session, entered, out, lines, zones, gaps });
}
