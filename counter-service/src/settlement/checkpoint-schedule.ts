/**
 * When the counts of a stream are settled (stored, committed, released) and shown. One checkpoint is pending at a time:
 *
 *   idle ──due, or urgent──▶ pending ──settled──▶ idle ──stop──▶ stopped: only the last one is settled
 *                               └──fault──▶ stopped
 */
import type { CommittedCounts } from '../ledger/ledger.ts';
import type { CheckpointCommit, Snapshot } from './checkpoint-commit.ts';

/** A checkpoint is made at least this often, so that the agent's ring stays short; sooner when counts changed. */
const CHECKPOINT_SECONDS = 5;
const CHANGED_CHECKPOINT_SECONDS = 2;

export interface CheckpointScheduleOptions {
  readonly checkpointCommit: Pick<CheckpointCommit, 'settle' | 'differs'>;
  /** The counts of the current state, in the form of the ledger. */
  readonly counts: () => CommittedCounts;
  /** The checkpoint of the current state. */
  readonly snapshot: () => Snapshot;
  /** Sends the counts to the agent, for its site. */
  readonly show: () => Promise<void>;
  /** Called when the ledger holds these counts, or counts that differ only in what is worth no write. */
  readonly onCommitted: (counts: CommittedCounts) => void;
  /** Called for a fault of a checkpoint that no caller awaits. */
  readonly onFault: (error: unknown) => void;
}

export class CheckpointSchedule {
  readonly #options: CheckpointScheduleOptions;
  #urgent = false;
  #pending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #settledAt = performance.now();

  constructor(options: CheckpointScheduleOptions) {
    this.#options = options;
  }

  /** Settles the next checkpoint before it is due: a user who edited the spec waits to see its effect. */
  makeUrgent(): void {
    this.#urgent = true;
  }

  /** Reports its faults through `onFault` and never throws, for a timer calls it, too. */
  settleIfDue(): void {
    try {
      this.#startIfDue();
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  /** No checkpoint is started after it, except by `settleLast`. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** @param beforeCommit reports the end of the stream, so that it is written together with the last counts. */
  async settleLast(beforeCommit: () => void = () => undefined): Promise<void> {
    this.stop();
    await this.#pending;
    await this.#settle(beforeCommit);
  }

  #startIfDue(): void {
    if (this.#pending !== undefined || this.#stopped) return;
    const { checkpointCommit, counts, onFault } = this.#options;
    const changed = checkpointCommit.differs(counts());
    const wait = (changed ? CHANGED_CHECKPOINT_SECONDS : CHECKPOINT_SECONDS) - (performance.now() - this.#settledAt) / 1000;
    clearTimeout(this.#timer);
    if (!this.#urgent && wait > 0) {
      // Usually the next frame calls this again. The timer commits the last counts before a camera falls silent.
      if (changed) this.#timer = setTimeout(() => this.settleIfDue(), wait * 1000);
      return;
    }
    this.#pending = this.#settle().then(
      () => {
        this.#pending = undefined;
        this.settleIfDue();
      },
      (error: unknown) => {
        this.#stopped = true;
        onFault(error);
      },
    );
  }

  async #settle(beforeCommit?: () => void): Promise<void> {
    const { checkpointCommit, snapshot, show, onCommitted } = this.#options;
    this.#urgent = false;
    const settled = snapshot();
    await checkpointCommit.settle(settled, beforeCommit);
    this.#settledAt = performance.now();
    onCommitted(settled.counts);
    await show();
  }
}
