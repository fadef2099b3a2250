/**
 * The analysis of one stream while a call counts it: the state, and the spec, picture and model that it is analysed with.
 * Between two steps the state is whole, so a call may stop after any step.
 */
import type { CodecMessage, GapMessage } from '#proto/wire/protocol.ts';
import type { ModelInput } from '../detection/manifest.ts';
import { inputFor } from '../detection/views.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';
import type { UndecodableGroup, UnitSpan } from '../media/footage.ts';
import type { KnownSpec } from '../specs/specs.ts';
import {
  advance,
  analyse,
  type AnalysisState,
  changeView,
  finish,
  type Frame,
  giveUp,
  interrupt,
  type Outcome,
  startAnalysis,
  type Step,
  takeOver,
  type View,
} from './analysis.ts';
import { requirePossiblePlan } from '../detection/region-planner.ts';
import { type Successor, takeoverFrom } from './takeover.ts';

type Picture = Pick<CodecMessage, 'width' | 'height'>;

export interface StreamAnalysisOptions {
  readonly known: KnownSpec;
  readonly picture: Picture;
  readonly input: ModelInput;
  /** The state of the agent's checkpoint, if it has one. */
  readonly checkpoint: AnalysisState | undefined;
  readonly committed: CommittedCounts | undefined;
  /** The committed position within this session. */
  readonly position: number;
  readonly successor: Successor;
  /** Unix time. */
  readonly nowMicros: number;
  /** Called after each step. */
  readonly onOutcome: (outcome: Outcome) => void;
}

export class StreamAnalysis {
  readonly #input: ModelInput;
  readonly #onOutcome: (outcome: Outcome) => void;
  #known: KnownSpec;
  #picture: Picture;
  #state: AnalysisState;

  /** @throws Refused INVALID when the plan of the checkpoint is impossible. */
  constructor(options: StreamAnalysisOptions) {
    this.#input = options.input;
    this.#onOutcome = options.onOutcome;
    this.#known = options.known;
    this.#picture = options.picture;
    this.#state = options.checkpoint ? changeView(options.checkpoint, this.#view()) : this.#startAfresh(options);
    requirePossiblePlan(this.#state.look, options.input);
  }

  get state(): AnalysisState {
    return this.#state;
  }

  /** The spec by which the state counts. */
  get known(): KnownSpec {
    return this.#known;
  }

  /** Tracks continue, and so do the totals of a line that keeps its name. */
  adopt(known: KnownSpec): void {
    this.#known = known;
    this.#state = changeView(this.#state, this.#view());
  }

  analyse(frame: Frame): void {
    this.#take(analyse(this.#state, frame, this.#known.spec.detection, this.#view()));
  }

  advance(span: UnitSpan): void {
    this.#take(advance(this.#state, span, span.newestMicros));
  }

  giveUp(group: UndecodableGroup): void {
    this.#take(giveUp(this.#state, group, this.#view()));
  }

  /** The source has ended. */
  finish(): void {
    this.#state = finish(this.#state);
  }

  /** @param picture of the footage after the gap. */
  interrupt({ fromMicros, toMicros, reason, after, next }: GapMessage, picture: Picture): void {
    this.#picture = picture;
    this.#take(interrupt(this.#state, { fromMicros, toMicros, reason, accessUnits: next - after - 1 }, next, this.#view()));
  }

  #take({ state, outcome }: Step): void {
    this.#state = state;
    this.#onOutcome(outcome);
  }

  #startAfresh({ committed, position, successor, nowMicros }: StreamAnalysisOptions): AnalysisState {
    const fresh = startAnalysis(this.#view(), committed, position);
    return committed === undefined ? fresh : takeOver(fresh, takeoverFrom(committed, successor, nowMicros));
  }

  #view(): View {
    const { spec } = this.#known;
    const { width, height } = this.#picture;
    const input = inputFor(spec.detection, this.#input);
    return { lines: spec.lines, zones: spec.zones, picture: { width, height }, input, region: spec.detection.region };
  }
}
