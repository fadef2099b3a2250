/**
 * When a stream's counts are shown and settled, one settlement at a time:
 *
 *   at rest ──due, or urgent──▶ under way ──settled──▶ at rest ──stop──▶ the last one
 *
 * The first fault is the end of it. What the state is, and what becomes of it, is for whoever counts.
 */
import type { CounterMessage } from '#proto/wire/protocol.ts';
import { type AnalysisState, committedCounts } from '../analysis/analysis.ts';
import { totalsOf, zoneCounts } from '../counting/counter.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';
import type { CheckpointCommit } from './checkpoint-commit.ts';

/** A checkpoint at least this often, so that the agent's ring stays short; sooner when counts changed. */
const CHECKPOINT_SECONDS = 5;
const CHANGED_CHECKPOINT_SECONDS = 2;

export interface CheckpointScheduleOptions {
  readonly settlement: CheckpointCommit;
  readonly send: (message: CounterMessage) => Promise<void>;
  readonly session: string;
  readonly sessionStartMicros: number;
  readonly term: number;
  /** As it is now. */
  readonly state: () => AnalysisState;
  /** So many crossings, those that came first, are in the ledger. */
  readonly onCommitted: (crossings: number) => void;
  /** Called for what went wrong while nobody was waiting. */
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

  /** The next one does not wait until it is due: whoever edited the spec waits to see it taken up. */
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

  /** The last settlement is about to be made, or none any more. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#due);
  }

  /** @param beforeCommit what is said of the stream here is written together with its counts. */
  async last(beforeCommit: () => void): Promise<void> {
    this.stop();
    await this.#underWay;
    await this.#settle(beforeCommit);
  }

  /** To the agent, at its site. */
  async show(): Promise<void> {
    const { settlement, term, send, state } = this.#options;
    const { counter, gaps, position, presentationMicros, frames } = state();
    const totals = totalsOf(counter);
    await send({
      counts: {
        position,
        presentationMicros,
        frames,
        term,
        ...totals,
        lines: [...totals.lines],
        zones: zoneCounts(counter),
        gaps: gaps.count,
        gapMicros: gaps.micros,
        committedPosition: settlement.position,
        provisional: settlement.differs(this.#committed(state())),
      },
    });
  }

  #committed(state: AnalysisState): CommittedCounts {
    return committedCounts(state, this.#options.session, this.#options.sessionStartMicros);
  }

  #settleWhenDue(): void {
    if (this.#underWay !== undefined || this.#over) return;
    const { settlement, state, onFault } = this.#options;
    const changed = settlement.differs(this.#committed(state()));
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
    const { settlement, state, onCommitted } = this.#options;
    const { position, presentationMicros, uncommitted } = state();
    this.#urgent = false;
    const checkpoint = Buffer.from(JSON.stringify(state()));
    await settlement.settle(
      { position, presentationMicros, checkpoint, counts: this.#committed(state()), crossings: uncommitted },
      beforeCommit,
    );
    this.#settledAt = performance.now();
    // Crossings only ever come behind these: the state has moved on meanwhile, but not lost any.
    onCommitted(uncommitted.length);
    await this.show();
  }
}
