/**
 * When a stream's counts are shown and settled, one checkpoint at a time:
 *
 *   at rest ──due, or urgent──▶ under way ──settled──▶ at rest ──stop──▶ the last one
 *
 * The first fault ends it.
 */
import type { CommittedCounts } from '../ledger/ledger.ts';
import type { CheckpointCommit, Snapshot } from './checkpoint-commit.ts';

/** A checkpoint at least this often, so that the agent's ring stays short; sooner when counts changed. */
const CHECKPOINT_SECONDS = 5;
const CHANGED_CHECKPOINT_SECONDS = 2;

export interface CheckpointScheduleOptions {
  readonly settlement: Pick<CheckpointCommit, 'settle' | 'differs'>;
  /** What the ledger would hold of the state as it is now. */
  readonly counts: () => CommittedCounts;
  /** The state as it is now. */
  readonly snapshot: () => Snapshot;
  /** To the agent, at its site. */
  readonly show: () => Promise<void>;
  /** The ledger holds these counts, or would hold the same ones. */
  readonly onCommitted: (counts: CommittedCounts) => void;
  /** Called for what went wrong while nothing was waiting for it. */
  readonly onFault: (error: unknown) => void;
}

export class CheckpointSchedule {
  readonly #options: CheckpointScheduleOptions;
  #urgent = false;
  #underWay: Promise<void> | undefined;
  #due: NodeJS.Timeout | undefined;
  #over = false;
  #settledAt = performance.now();

  constructor(options: CheckpointScheduleOptions) {
    this.#options = options;
  }

  /** The next one does not wait until it is due: the user who edited the spec waits to see it taken up. */
  urgently(): void {
    this.#urgent = true;
  }

  /** Never throws, for timers call it, too. */
  whenDue(): void {
    try {
      this.#settleWhenDue();
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  /** The last checkpoint is about to be made, or none any more. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#due);
  }

  /** @param beforeCommit what is reported of the stream here is written together with its counts. */
  async last(beforeCommit: () => void): Promise<void> {
    this.stop();
    await this.#underWay;
    await this.#settle(beforeCommit);
  }

  #settleWhenDue(): void {
    if (this.#underWay !== undefined || this.#over) return;
    const { settlement, counts, onFault } = this.#options;
    const changed = settlement.differs(counts());
    const wait = (changed ? CHANGED_CHECKPOINT_SECONDS : CHECKPOINT_SECONDS) - (performance.now() - this.#settledAt) / 1000;
    clearTimeout(this.#due);
    if (!this.#urgent && wait > 0) {
      // Frames bring this up as a rule; the last count before a camera falls silent does not wait for them.
      if (changed) this.#due = setTimeout(() => this.whenDue(), wait * 1000);
      return;
    }
    this.#underWay = this.#settle().then(
      () => {
        this.#underWay = undefined;
        this.whenDue();
      },
      (error: unknown) => {
        this.#over = true;
        onFault(error);
      },
    );
  }

  async #settle(beforeCommit?: () => void): Promise<void> {
    const { settlement, snapshot, show, onCommitted } = this.#options;
    this.#urgent = false;
    const { counts, ...rest } = snapshot();
    await settlement.settle({ ...rest, counts }, beforeCommit);
    this.#settledAt = performance.now();
    onCommitted(counts);
    await show();
  }
}
