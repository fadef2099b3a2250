/**
 * Makes counts final. To settle a checkpoint is to store, commit and release it, in this order:
 *
 *   store    the agent stores the checkpoint
 *   commit   the ledger commits its counts, if they changed
 *   release  the agent may drop the video before the checkpoint
 *
 * So a counter may die between any two steps: the agent holds the checkpoint of the committed counts, or a newer one.
 * One checkpoint is settled at a time.
 */
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { CounterMessage } from '#proto/wire/protocol.ts';
import { type CommittedCounts, type LedgerWriter, positionOf } from '../ledger/ledger.ts';
import { substanceOf } from '../reporting/reports.ts';

export interface Snapshot {
  readonly position: number;
  readonly presentationMicros: number;
  /** Everything that a counter needs to continue. */
  readonly checkpoint: Buffer;
  readonly counts: CommittedCounts;
}

export class CheckpointCommit {
  readonly #send: (message: CounterMessage) => Promise<void>;
  readonly #writer: LedgerWriter;
  readonly #signal: AbortSignal;
  readonly #changed = new ConditionVariable();
  #serial = 0;
  #acknowledged = 0;
  /** The substance of the counts that the ledger holds. */
  #committed: string;
  /** The counts that were committed or deferred last. */
  #latest: CommittedCounts | undefined;
  #underWay = false;
  #position: number;

  constructor(writer: LedgerWriter, send: (message: CounterMessage) => Promise<void>, session: string, signal: AbortSignal) {
    this.#writer = writer;
    this.#send = send;
    this.#signal = signal;
    this.#position = positionOf(writer.counts, session);
    this.#committed = writer.counts ? substanceOf(writer.counts) : '';
  }

  /** The position of the checkpoint settled last; before the first one, the session's committed position. */
  get position(): number {
    return this.#position;
  }

  /** Whether these counts are worth a write of the ledger. */
  differs(counts: CommittedCounts): boolean {
    return substanceOf(counts) !== this.#committed;
  }

  /** The agent has stored the checkpoint of this serial. */
  acknowledge(serial: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, serial);
    this.#changed.notify();
  }

  /**
   * Resolves when the snapshot is final. @throws Fenced; Refused LEDGER_UNAVAILABLE; the reason why the call broke.
   * @param beforeCommit given for the last snapshot: reports the end of the stream, to be written together with its counts.
   */
  async settle(snapshot: Snapshot, beforeCommit?: () => void): Promise<void> {
    const serial = (this.#serial += 1);
    this.#underWay = true;
    const { position, presentationMicros, checkpoint, counts } = snapshot;
    await this.#send({ storeCheckpoint: { serial, position, presentationMicros, checkpoint } });
    while (this.#acknowledged < serial) await this.#changed.wait(this.#signal);
    beforeCommit?.();
    // The last snapshot is always committed: the gap before the next session begins at its time.
    if (beforeCommit !== undefined || this.differs(counts)) {
      await this.#writer.commit(counts);
      this.#committed = substanceOf(counts);
    } else {
      this.#writer.defer(counts);
    }
    this.#latest = counts;
    this.#underWay = false;
    this.#position = position;
    await this.#send({ release: { serial } });
  }

  /**
   * Delivery of events is worth no write of its own; the next write carries the cursor. The counts of a commit under way have
   * their own, which older counts must not replace.
   */
  deferDelivery(delivered: CommittedCounts['delivered']): void {
    if (this.#underWay || this.#latest === undefined || delivered === undefined) return;
    this.#writer.defer({ ...this.#latest, delivered });
  }
}
