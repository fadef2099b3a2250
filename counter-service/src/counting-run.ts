/**
 * The counting of one stream, once it is admitted: piece after piece of footage, frame after frame.
 *
 * States of the picture that is looked at: the whole one until enough people were seen, then the region that the
 * lines and zones need. It changes after a frame at a time of the plan's own (see `nextPlanMicros`), never because of
 * how fast frames came, so the same video gives the same counts however it is served.
 */
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import { free } from '#proto/media/byte-queue.ts';
import type { Labels } from '#proto/process/metrics.ts';
import type { CodecMessage, CounterMessage, GapMessage, StreamName } from '#proto/wire/protocol.ts';
import {
  advance,
  analyse,
  type AnalysisState,
  changeView,
  type GapRecord,
  giveUp,
  interrupt,
  startAnalysis,
  type Step,
  takeOver,
  type View,
} from './analysis/analysis.ts';
import { type Checkpoint, requirePossiblePlan, writeCheckpoint } from './analysis/checkpoint.ts';
import { EventJournal } from './events/journal.ts';
import { type Numbers, resumeOutbox, startOutbox } from './events/outbox.ts';
import type { Receiver } from './events/receiver.ts';
import type { DetectionResult, CountingDetector } from './detection/detector.ts';
import { EVICTIONS, type Eviction } from './specs/eviction.ts';
import type { Intake, Piece } from './call/intake.ts';
import type { CommittedCounts } from './ledger/ledger.ts';
import { mapAhead } from './media/map-ahead.ts';
import { type DecodedFrame, DecoderFault } from './media/decoder.ts';
import type { Footage, UndecodableGroup } from './media/footage.ts';
import type { StreamMetrics } from './metrics.ts';
import { Refused } from './refusal.ts';
import { CheckpointSchedule } from './settlement/checkpoint-schedule.ts';
import { committedCounts, numbersOf, siteCounts } from './reporting/reports.ts';
import type { CheckpointCommit, Snapshot } from './settlement/checkpoint-commit.ts';
import type { FollowedSpec, KnownSpec } from './specs/specs.ts';
import type { StreamStateReporter } from './ledger/stream-state.ts';
import { takeoverFrom } from './analysis/takeover.ts';

/** A piece this short may end before its first picture is out. */
const FEW_UNITS = 10;
/** Decoders that die without a frame in between, before the group of pictures is given up that they died of. */
const MAX_DECODER_DEATHS = 3;
/** Groups given up without a frame in between, before the stream is. */
const MAX_GROUPS_GIVEN_UP = 3;
/** A decoder that dies at once is not started again at once. */
const RESTART_SECONDS = 0.2;
/** How long the end of a stream waits for receivers to take its last events: the next counter may never come. */
const FLUSH_MS = 5_000;

export interface CountingOptions {
  readonly stream: StreamName;
  readonly followed: FollowedSpec;
  readonly streamState: StreamStateReporter;
  readonly detector: CountingDetector;
  readonly settlement: CheckpointCommit;
  readonly intake: Intake;
  readonly send: (message: CounterMessage) => Promise<void>;
  readonly session: string;
  readonly sessionStartMicros: number;
  /** The source is a recording, which has no clock. */
  readonly recorded: boolean;
  /** As the agent's Resume says. */
  readonly takenMicros: number;
  readonly term: number;
  readonly committed: CommittedCounts | undefined;
  readonly checkpoint: Checkpoint | undefined;
  readonly receivers: readonly Receiver[];
  readonly mostWaitingEvents: number;
  readonly codec: CodecMessage;
  readonly metrics: StreamMetrics;
  readonly labels: Labels;
  readonly log: Log;
  /** Aborted when the stream is to be settled and sent away. */
  readonly leaving: AbortSignal;
  /** Brings that about. */
  readonly evict: (eviction: Eviction) => void;
  /** Called once, when everything is counted and about to be committed. */
  readonly sayEnded: (ended: Ended) => void;
}

/** `paused`: the agent leaves; `left`: it is sent away. */
export type Ended = 'finished' | 'paused' | 'left';

export class Counting {
  readonly #options: CountingOptions;
  readonly #schedule: CheckpointSchedule;
  readonly #journal: EventJournal;
  /** What went wrong beside the frames. */
  readonly #fault = new AbortController();
  #state: AnalysisState;
  /** Of the footage at hand. */
  #codec: Pick<CodecMessage, 'width' | 'height'>;
  /** By which the state counts. */
  #known: KnownSpec;
  /** The watermark when this call took the stream up. */
  readonly #begunMicros: number;
  #unwatchableLogged = false;

  /** @throws Refused INVALID when the checkpoint cannot be taken up. */
  constructor(options: CountingOptions) {
    this.#options = options;
    const { checkpoint, settlement } = options;
    this.#known = options.followed.current();
    this.#codec = options.codec;
    this.#state = checkpoint ? changeView(checkpoint.analysis, this.#view()) : this.#startAfresh();
    this.#begunMicros = this.#state.presentationMicros;
    requirePossiblePlan(this.#state.look, options.detector.input);
    // An edit may have come while there was no video.
    options.streamState.adoptGeneration(this.#known.generation);
    this.#journal = this.#openJournal();
    this.#schedule = new CheckpointSchedule({
      checkpointCommit: settlement,
      counts: () => this.#counts(),
      snapshot: () => this.#snapshot(),
      show: () => this.#show(),
      onCommitted: (counts) => this.#journal.setCommitted(numbersOf(counts)),
      onFault: (error) => this.#fault.abort(error),
    });
  }

  /** Counts until the stream ends or is sent away; then everything counted is settled. */
  async run(signal: AbortSignal): Promise<Ended> {
    const either = AbortSignal.any([signal, this.#fault.signal]);
    const counted = new AbortController();
    const delivered = new AbortController();
    const following = this.#followSpec(AbortSignal.any([either, counted.signal])).catch((error: unknown) => this.#fault.abort(error));
    const delivering = this.#journal.run(AbortSignal.any([either, delivered.signal]));
    try {
      const ended = await this.#countUntilLeaving(either);
      this.#schedule.stop();
      counted.abort(new Error('nothing is counted any more'));
      await following;
      const cursor = this.#journal.deliveredNumbers;
      await this.#schedule.settleLast(() => this.#options.sayEnded(ended));
      // After an eviction the next counter delivers what the checkpoint holds; after a suspension none goes on from it.
      const { leaving } = this.#options;
      if (ended !== 'left' || leaving.reason === EVICTIONS.suspend) await this.#finishDelivery(cursor, either);
      return ended;
    } catch (error) {
      // What was given up is settled: the next call begins after it.
      if (error instanceof Refused && error.reason === 'UNDECODABLE' && !either.aborted) await this.#schedule.settleLast(() => undefined);
      throw this.#fault.signal.aborted ? (this.#fault.signal.reason as unknown) : error;
    } finally {
      this.#schedule.stop();
      counted.abort(new Error('nothing is counted any more'));
      delivered.abort(new Error('the stream is over'));
      await delivering;
    }
  }

  /** No commit comes any more that could take the cursor along: one is made for it, if it has moved since the last. */
  async #finishDelivery(cursor: Numbers | undefined, signal: AbortSignal): Promise<void> {
    await this.#journal.flush(AbortSignal.any([signal, AbortSignal.timeout(FLUSH_MS)])).catch(() => undefined);
    signal.throwIfAborted();
    if (JSON.stringify(this.#journal.deliveredNumbers) !== JSON.stringify(cursor)) await this.#schedule.settleLast(() => undefined);
  }

  async #countUntilLeaving(signal: AbortSignal): Promise<Ended> {
    const { intake, leaving } = this.#options;
    const reading = AbortSignal.any([signal, leaving]);
    try {
      for await (const piece of intake.pieces(reading)) {
        if (piece.gap !== undefined) this.#interrupt(piece.gap, piece);
        await this.#count(piece, reading);
      }
      return intake.paused ? 'paused' : 'finished';
    } catch (error) {
      // Between two frames the state is whole, wherever the reading was stopped.
      if (leaving.aborted && !signal.aborted) return 'left';
      throw error;
    }
  }

  /** Takes edits of the spec up as they come, whether or not there are frames. Resolves when the signal aborts. */
  async #followSpec(signal: AbortSignal): Promise<void> {
    const { followed } = this.#options;
    while (!signal.aborted) {
      await followed.changed.wait(signal).catch(() => undefined);
      if (signal.aborted) return;
      const known = latest(followed);
      // A stream that is gone is for whoever serves it to end.
      if (known === undefined) return;
      this.#adopt(known);
      this.#schedule.settleIfDue();
    }
  }

  /** What is left as it was goes on: tracks, and the totals of a line by its name. */
  #adopt(known: KnownSpec): void {
    if (known === this.#known) return;
    this.#known = known;
    this.#state = changeView(this.#state, this.#view());
    this.#schedule.makeUrgent();
    this.#options.streamState.adoptGeneration(known.generation);
    this.#options.log.info({ generation: known.generation }, 'spec taken up');
  }

  /** One piece of footage, from the watermark to its end, over as many decoders as it takes. */
  async #count(piece: Piece, signal: AbortSignal): Promise<void> {
    let [deaths, groups] = [0, 0];
    for (;;) {
      const before = this.#state.presentationMicros;
      try {
        if ((await this.#follow(piece.footage, signal)) === 'ended') break;
        if (!piece.footage.rewindable) this.#askAgain(signal);
      } catch (error) {
        if (!(error instanceof DecoderFault) || signal.aborted) throw error;
        this.#options.metrics.decoderDied(this.#options.labels);
        this.#options.log.warn({ fault: error.message }, 'decoder died');
        if (this.#state.presentationMicros > before) [deaths, groups] = [0, 0];
        deaths += 1;
        // Not for ever: what ends every decoder is given up once nothing new of it was counted since it came.
        if (!piece.footage.rewindable && this.#state.presentationMicros > this.#begunMicros) this.#askAgain(signal);
        if (deaths >= MAX_DECODER_DEATHS || !piece.footage.rewindable) {
          [deaths, groups] = [0, groups + 1];
          const seen = this.#state.continuous;
          const { units, ended } = await this.#giveUpGroup(piece.footage, signal);
          if (groups >= MAX_GROUPS_GIVEN_UP || (ended && !seen && units > FEW_UNITS)) throw new Refused('UNDECODABLE', error.message);
          if (ended) break;
        }
        await pause(RESTART_SECONDS * deaths, signal);
      }
    }
    this.#finishPiece(piece);
  }

  /** A new decoder cannot get to the watermark with what is kept: the next counter, or this one, is sent the way there, too. */
  #askAgain(signal: AbortSignal): void {
    this.#options.evict(EVICTIONS.resend);
    signal.throwIfAborted();
  }

  /** What kills every decoder is left out, and declared. */
  async #giveUpGroup(footage: Footage, signal: AbortSignal): Promise<UndecodableGroup> {
    const given = await footage.giveUpGroup(this.#state.presentationMicros, signal);
    if (given.units > 0) this.#giveUp(given);
    return given;
  }

  #giveUp(given: UndecodableGroup): void {
    this.#take(giveUp(this.#state, given, this.#view()));
    this.#schedule.settleIfDue();
  }

  /** Follows the footage with one decoder and one picture; `again` when the picture, or its rate, is to be another one. */
  async #follow(footage: Footage, signal: AbortSignal): Promise<'ended' | 'again'> {
    const { detector, stream, term } = this.#options;
    const { framesPerSecond } = this.#known.spec.detection;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const { plan } = this.#state.look;
    const picture = { framesPerSecond, crop: plan.crop, ...plan.picture, onUnwatchable: () => this.#logUnwatchable() };
    const frames = footage.frames(picture, this.#state.presentationMicros, either);
    const detect = async ({ presentationMicros, pixels }: DecodedFrame) => {
      const result = await detector.detect({ stream: `${stream.uid} in term ${term}`, pixels, plan }, either);
      free(pixels);
      return { presentationMicros, result };
    };
    const asBefore = () => this.#state.look.plan === plan && this.#known.spec.detection.framesPerSecond === framesPerSecond;
    try {
      for await (const { presentationMicros, result } of mapAhead(frames, detector.depth, detect)) {
        // An edit may have come while it was waited for; the frame is then looked at again, as it is to be now.
        if (asBefore()) await this.#step(footage, presentationMicros, result);
        if (!asBefore()) return 'again';
      }
      return 'ended';
    } finally {
      over.abort(new Error('the frames are no longer asked for'));
      await frames.return(undefined).catch(() => undefined);
    }
  }

  #logUnwatchable(): void {
    if (!this.#unwatchableLogged)
      this.#options.log.warn({}, 'the system does not let decoders be watched: none that hangs or grows is ended');
    this.#unwatchableLogged = true;
  }

  async #step(footage: Footage, presentationMicros: number, result: DetectionResult): Promise<void> {
    const { metrics, labels, streamState } = this.#options;
    const before = performance.now();
    const span = footage.span(this.#state.presentationMicros, presentationMicros);
    const frame = { presentationMicros, span, detections: result.detections };
    this.#take(analyse(this.#state, frame, this.#known.spec.detection, this.#view()));
    streamState.reportFrame();
    footage.release(presentationMicros);
    metrics.counted(labels, {
      result,
      trackingMs: performance.now() - before,
      skipped: span.units - 1,
      lagMicros: footage.newestMicros - presentationMicros,
    });
    await this.#show();
    this.#schedule.settleIfDue();
  }

  /** The access units after the last frame that was looked at belong to what was seen, too. */
  #finishPiece({ footage }: Piece): void {
    const rest = footage.span(this.#state.presentationMicros, Infinity);
    if (rest.units === 0) return;
    if (!this.#state.continuous && rest.units > FEW_UNITS) {
      this.#giveUp({ units: rest.units, next: rest.position + 1, toMicros: rest.newestMicros, ended: true });
      throw new Refused(
        'UNDECODABLE',
        `Not one of ${rest.units} access units could be decoded: the video is not what it says (${footage.codec.fourcc}).`,
      );
    }
    this.#take(advance(this.#state, rest, rest.newestMicros));
  }

  #interrupt(gap: GapMessage, { footage }: Piece): void {
    const { fromMicros, toMicros, reason, after, next } = gap;
    this.#codec = footage.codec;
    this.#declare({ fromMicros, toMicros, reason, accessUnits: next - after - 1 }, next);
  }

  /** @param next number of the first access unit after it. */
  #declare(gap: GapRecord, next: number): void {
    this.#take(interrupt(this.#state, gap, next, this.#view()));
    this.#schedule.settleIfDue();
  }

  /** One step on: what came of it goes to the events, and a gap to metrics and log. */
  #take({ state, outcome }: Step): void {
    const { log, metrics, labels } = this.#options;
    this.#state = state;
    this.#journal.record(outcome);
    const { gap } = outcome;
    if (gap === undefined) return;
    const { number, reason, accessUnits } = gap;
    log.warn({ number, reason, accessUnits, seconds: (gap.toMicros - gap.fromMicros) / 1e6 }, 'gap in the video');
    metrics.interrupted(labels, reason);
  }

  #counts(): CommittedCounts {
    return committedCounts(this.#state, this.#options, this.#journal.deliveredNumbers);
  }

  #snapshot(): Snapshot {
    const { position, presentationMicros } = this.#state;
    const checkpoint = writeCheckpoint({ analysis: this.#state, outbox: this.#journal.outbox });
    return { position, presentationMicros, checkpoint, counts: this.#counts() };
  }

  async #show(): Promise<void> {
    const { send, term, settlement } = this.#options;
    const provisional = settlement.differs(this.#counts());
    await send({ counts: { ...siteCounts(this.#state), term, committedPosition: settlement.position, provisional } });
  }

  #openJournal(): EventJournal {
    const { checkpoint, committed, settlement, sessionStartMicros, recorded } = this.#options;
    const { counter, gaps } = this.#state;
    const numbers = numbersOf({ ...counter, gaps });
    const outbox = checkpoint?.outbox ? resumeOutbox(checkpoint.outbox, committed?.delivered) : startOutbox(numbers, committed?.delivered);
    const onDelivered = () => settlement.deferDelivery(this.#journal.deliveredNumbers);
    return new EventJournal(
      { ...this.#options, clock: { startMicros: sessionStartMicros, recorded }, onDelivered },
      outbox,
      numbersOf(committed),
    );
  }

  #startAfresh(): AnalysisState {
    const { committed, settlement } = this.#options;
    const fresh = startAnalysis(this.#view(), committed, settlement.position);
    return committed === undefined ? fresh : takeOver(fresh, takeoverFrom(committed, this.#options, Date.now() * 1000));
  }

  /** What the lines and zones mean in the pictures at hand, for this model. */
  #view(): View {
    const { detector } = this.#options;
    const { spec } = this.#known;
    const picture = { width: this.#codec.width, height: this.#codec.height };
    return { lines: spec.lines, zones: spec.zones, picture, input: detector.input, region: spec.detection.region };
  }
}

/** Undefined when the stream is gone, or what its spec says cannot be read. */
function latest(followed: FollowedSpec): KnownSpec | undefined {
  try {
    return followed.current();
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
