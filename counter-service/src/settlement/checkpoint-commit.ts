/**
 * How counts become final: store ─▶ commit ─▶ release.
 *
 *   store    the agent keeps the checkpoint
 *   commit   the ledger keeps the counts, if they changed
 *   release  the agent may forget what lies before the checkpoint
 *
 * In this order a counter may die between any two steps: the next counter finds the checkpoint of what is committed, or a
 * newer one. One checkpoint is under way at a time.
 */
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { CounterMessage } from '#proto/wire/protocol.ts';
import type { CommittedCounts, LedgerWriter } from '../ledger/ledger.ts';
import { substanceOf } from '../reporting/reports.ts';

export interface Snapshot {
  readonly position: number;
  readonly presentationMicros: number;
  /** Everything a counter needs to go on. */
  readonly checkpoint: Buffer;
  readonly counts: CommittedCounts;
}

export class CheckpointCommit {
  readonly #send: (message: CounterMessage) => Promise<void>;
  readonly #writer: LedgerWriter;
  readonly #signal: AbortSignal;
  readonly #changed = new ConditionVariable();
  #serial = 0;
  #stored = 0;
  /** Substance of what the ledger holds. */
  #committed: string;
  /** The newest counts that the ledger holds or may show. */
  #newest: CommittedCounts | undefined;
  #position: number;

  constructor(writer: LedgerWriter, send: (message: CounterMessage) => Promise<void>, session: string, signal: AbortSignal) {
    this.#writer = writer;
    this.#send = send;
    this.#signal = signal;
    this.#position = positionOf(writer.counts, session);
    this.#committed = writer.counts ? substanceOf(writer.counts) : '';
  }

  /** Up to here the ledger holds the counts, or would hold the same ones. */
  get position(): number {
    return this.#position;
  }

  /** Whether these counts say something that the ledger does not. */
  differs(counts: CommittedCounts): boolean {
    return substanceOf(counts) !== this.#committed;
  }

  /** The agent has stored the checkpoint of this serial. */
  stored(serial: number): void {
    this.#stored = Math.max(this.#stored, serial);
    this.#changed.notify();
  }

  /**
   * Resolves when the snapshot is final. @throws Fenced; anything else means that the call or the ledger broke.
   * @param beforeCommit what is reported of the stream here is written together with its counts.
   */
  async settle(snapshot: Snapshot, beforeCommit?: () => void): Promise<void> {
    const serial = (this.#serial += 1);
    const { position, presentationMicros, checkpoint, counts } = snapshot;
    await this.#send({ storeCheckpoint: { serial, position, presentationMicros, checkpoint } });
    while (this.#stored < serial) await this.#changed.wait(this.#signal);
    beforeCommit?.();
    // The last one is committed in any case: the next session declares as a gap what lies after the time it names.
    if (beforeCommit !== undefined || this.differs(counts)) {
      await this.#writer.commit(counts);
      this.#committed = substanceOf(counts);
    } else {
      this.#writer.defer(counts);
    }
    this.#newest = counts;
    this.#position = position;
    await this.#send({ release: { serial } });
  }

  /** How far events are delivered costs no write of its own: the next one takes it along. */
  delivered(delivered: CommittedCounts['delivered']): void {
    if (this.#newest !== undefined && delivered !== undefined) this.#writer.defer({ ...this.#newest, delivered });
  }
}

/** Access units of this session up to here are committed; another session's numbers mean nothing in it. */
export function positionOf(counts: CommittedCounts | undefined, session: string): number {
  return counts?.session === session ? counts.position : 0;
}
