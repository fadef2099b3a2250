/**
 * The counting of one stream, once it is admitted: piece after piece of footage, frame after frame.
 *
 * States of the picture that is looked at: the whole one until enough people were seen, then the region that the
 * lines and zones need. It changes after a frame at a time of the plan's own (see `nextPlanMicros`), never because of
 * how fast frames came, so the same video gives the same counts however it is served.
 */
import type { Log } from '#proto/log.ts';
import { free } from '#proto/media/byte-queue.ts';
import type { Labels } from '#proto/metrics.ts';
import type { CodecMessage, CounterMessage, GapMessage, StreamName } from '#proto/protocol.ts';
import {
  advance,
  analyse,
  type AnalysisState,
  changeView,
  committedCounts,
  interrupt,
  resumeAnalysis,
  startAnalysis,
  type View,
} from './analysis.ts';
import { totalsOf, zoneCounts } from './counting/counter.ts';
import type { Answered, Frame as DetectorFrame } from './detection/detector.ts';
import type { ModelInput } from './detection/manifest.ts';
import type { Intake, Piece } from './intake.ts';
import type { CommittedCounts } from './ledger/ledger.ts';
import { ahead } from './media/ahead.ts';
import { type DecodedFrame, DecoderFault } from './media/decoder.ts';
import type { Footage } from './media/footage.ts';
import type { StreamMetrics } from './metrics.ts';
import { Refused } from './refused.ts';
import type { Settlement, Snapshot } from './settlement.ts';
import type { FollowedSpec, KnownSpec } from './specs/specs.ts';
import type { Standing } from './standing.ts';

/** A checkpoint at least this often, so that the agent's ring stays short; sooner when counts changed. */
const CHECKPOINT_SECONDS = 5;
const CHANGED_CHECKPOINT_SECONDS = 2;
/** A piece this short may end before its first picture is out. */
const FEW_UNITS = 10;
/** Decoders that die without a frame in between, before the stream is given up. */
const MAX_DECODER_DEATHS = 3;

export interface CountingDetector {
  readonly input: ModelInput;
  /** Frames of one stream that may be in detection at a time. */
  readonly depth: number;
  detect(frame: DetectorFrame, signal: AbortSignal): Promise<Answered>;
}

export interface CountingOptions {
  readonly stream: StreamName;
  readonly followed: FollowedSpec;
  readonly standing: Standing;
  readonly detector: CountingDetector;
  readonly settlement: Settlement;
  readonly intake: Intake;
  readonly send: (message: CounterMessage) => Promise<void>;
  readonly session: string;
  readonly sessionStartMicros: number;
  readonly term: number;
  readonly committed: CommittedCounts | undefined;
  readonly checkpoint: AnalysisState | undefined;
  readonly codec: CodecMessage;
  readonly metrics: StreamMetrics;
  readonly labels: Labels;
  readonly log: Log;
  /** Aborted when the stream is to be settled and sent away. */
  readonly leaving: AbortSignal;
  /** Called once, when everything is counted and about to be committed. */
  readonly sayEnded: (ended: Ended) => void;
}

/** `paused`: the agent leaves; `left`: it is sent away. */
export type Ended = 'finished' | 'paused' | 'left';

export class Counting {
  readonly #options: CountingOptions;
  readonly #settleFault = new AbortController();
  #state: AnalysisState;
  /** Of the footage at hand. */
  #codec: Pick<CodecMessage, 'width' | 'height'>;
  /** By which the state counts. */
  #known: KnownSpec;
  /** Since the last settlement: whoever edited the spec waits to see it taken up. */
  #edited = false;
  #settling: Promise<void> | undefined;
  #due: NodeJS.Timeout | undefined;
  #over = false;
  #settledAt = performance.now();

  constructor(options: CountingOptions) {
    this.#options = options;
    const { checkpoint } = options;
    this.#known = options.followed.current();
    this.#codec = options.codec;
    this.#state = checkpoint ? resumeAnalysis(checkpoint, this.#view(), options.committed) : this.#startAfresh();
  }

  /** Counts until the stream ends or is sent away; then everything counted is settled. */
  async run(signal: AbortSignal): Promise<Ended> {
    const either = AbortSignal.any([signal, this.#settleFault.signal]);
    const counted = new AbortController();
    const following = this.#followSpec(AbortSignal.any([either, counted.signal]));
    try {
      const ended = await this.#countUntilLeaving(either);
      this.#stopSettling();
      counted.abort(new Error('nothing is counted any more'));
      await following;
      while (this.#settling !== undefined) await this.#settling;
      await this.#settle(() => this.#options.sayEnded(ended));
      return ended;
    } catch (error) {
      throw this.#settleFault.signal.aborted ? (this.#settleFault.signal.reason as unknown) : error;
    } finally {
      this.#stopSettling();
      counted.abort(new Error('nothing is counted any more'));
    }
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
      try {
        this.#adopt(followed.current());
      } catch {
        // A stream that is gone is for whoever serves it to end.
        return;
      }
      this.#settleWhenDue();
    }
  }

  /** What is left as it was goes on: tracks, and the totals of a line by its name. */
  #adopt(known: KnownSpec): void {
    if (known === this.#known) return;
    this.#known = known;
    this.#state = changeView(this.#state, this.#view());
    this.#edited = true;
    this.#options.standing.observes(known.generation);
    this.#options.log.info({ generation: known.generation }, 'spec taken up');
  }

  /** One piece of footage, from the frontier to its end, over as many decoders as it takes. */
  async #count(piece: Piece, signal: AbortSignal): Promise<void> {
    for (let deaths = 0; ; ) {
      const before = this.#state.presentationMicros;
      try {
        if ((await this.#follow(piece.footage, signal)) === 'ended') break;
      } catch (error) {
        if (!(error instanceof DecoderFault) || signal.aborted) throw error;
        this.#options.metrics.decoderDied(this.#options.labels);
        this.#options.log.warn({ fault: error.message }, 'decoder died');
        deaths = this.#state.presentationMicros > before ? 1 : deaths + 1;
        if (deaths >= MAX_DECODER_DEATHS) throw new Refused('UNDECODABLE', error.message);
        if (!piece.footage.rewindable) throw error;
      }
    }
    this.#finishPiece(piece);
  }

  /** Follows the footage with one decoder and one picture; `again` when the picture, or its rate, is to be another one. */
  async #follow(footage: Footage, signal: AbortSignal): Promise<'ended' | 'again'> {
    const { detector, stream } = this.#options;
    const { framesPerSecond } = this.#known.spec.detection;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const { plan } = this.#state.look;
    const picture = { framesPerSecond, crop: plan.crop, ...plan.picture };
    const frames = footage.frames(picture, this.#state.presentationMicros, either);
    const detect = async ({ presentationMicros, pixels }: DecodedFrame) => {
      const answered = await detector.detect({ stream: stream.uid, pixels, plan }, either);
      free(pixels);
      return { presentationMicros, answered };
    };
    const asBefore = () => this.#state.look.plan === plan && this.#known.spec.detection.framesPerSecond === framesPerSecond;
    try {
      for await (const { presentationMicros, answered } of ahead(frames, detector.depth, detect)) {
        // An edit may have come while it was waited for; the frame is then looked at again, as it is to be now.
        if (asBefore()) await this.#step(footage, presentationMicros, answered);
        if (!asBefore()) return 'again';
      }
      return 'ended';
    } finally {
      over.abort(new Error('the frames are no longer asked for'));
      await frames.return(undefined).catch(() => undefined);
    }
  }

  async #step(footage: Footage, presentationMicros: number, answered: Answered): Promise<void> {
    const { metrics, labels, standing } = this.#options;
    const before = performance.now();
    const passed = footage.passed(this.#state.presentationMicros, presentationMicros);
    const frame = { presentationMicros, passed, detections: answered.detections };
    this.#state = analyse(this.#state, frame, this.#known.spec.detection, this.#view());
    standing.counted();
    footage.release(presentationMicros);
    metrics.counted(labels, {
      answered,
      trackingMs: performance.now() - before,
      skipped: passed.units - 1,
      lagMicros: footage.newestMicros - presentationMicros,
    });
    await this.#show();
    this.#settleWhenDue();
  }

  /** The access units after the last frame that was looked at belong to what was seen, too. */
  #finishPiece({ footage }: Piece): void {
    const rest = footage.passed(this.#state.presentationMicros, Infinity);
    if (rest.units === 0) return;
    if (!this.#state.continuous && rest.units > FEW_UNITS) {
      throw new Refused('UNDECODABLE', `Not one of ${rest.units} access units could be decoded: the video is not what it says (${footage.codec.fourcc}).`);
    }
    this.#state = advance(this.#state, rest, rest.newestMicros);
  }

  #interrupt(gap: GapMessage, { footage }: Piece): void {
    const { log, metrics, labels } = this.#options;
    const { fromMicros, toMicros, reason, after, next } = gap;
    log.warn({ reason, after, next, seconds: (toMicros - fromMicros) / 1e6 }, 'gap in the video');
    metrics.interrupted(labels, reason);
    const record = { fromMicros, toMicros, reason, accessUnits: next - after - 1 };
    this.#codec = footage.codec;
    this.#state = interrupt(this.#state, record, next, this.#view());
  }

  #startAfresh(): AnalysisState {
    const { committed, session, sessionStartMicros, settlement } = this.#options;
    const fresh = startAnalysis(this.#view(), committed, committed?.session === session ? settlement.position : 0);
    if (committed === undefined) return fresh;
    // Counted before, but not from here: what lies between was seen by nobody who could go on.
    // A position of 0 was only ever taken over from another session.
    const reason = committed.session === session && committed.position > 0 ? 'CHECKPOINT_LOST' : 'AGENT_REPLACED';
    const fromMicros = Date.parse(committed.time) * 1000 - sessionStartMicros;
    const record = { fromMicros, toMicros: Math.max(0, fromMicros), reason, accessUnits: 0 } as const;
    return interrupt(fresh, record, fresh.position + 1, this.#view());
  }

  /** What the lines and zones mean in the pictures at hand, for this model. */
  #view(): View {
    const { detector } = this.#options;
    const { spec } = this.#known;
    const picture = { width: this.#codec.width, height: this.#codec.height };
    return { lines: spec.lines, zones: spec.zones, picture, input: detector.input, region: spec.detection.region };
  }

  async #show(): Promise<void> {
    const { settlement, term, send } = this.#options;
    const { counter, gaps, position, presentationMicros, frames } = this.#state;
    const counts = this.#committed();
    await send({
      counts: {
        position, presentationMicros, frames, term,
        ...totalsOf(counter),
        lines: [...totalsOf(counter).lines],
        zones: zoneCounts(counter),
        gaps: gaps.count,
        gapMicros: gaps.micros,
        committedPosition: settlement.position,
        provisional: settlement.differs(counts),
      },
    });
  }

  #committed(): CommittedCounts {
    return committedCounts(this.#state, this.#options.session, this.#options.sessionStartMicros);
  }

  #settleWhenDue(): void {
    if (this.#settling !== undefined || this.#over) return;
    const changed = this.#options.settlement.differs(this.#committed());
    const wait = (changed ? CHANGED_CHECKPOINT_SECONDS : CHECKPOINT_SECONDS) - (performance.now() - this.#settledAt) / 1000;
    clearTimeout(this.#due);
    if (!this.#edited && wait > 0) {
      // Frames bring this up as a rule; the last count before a camera falls silent does not wait for them.
      if (changed) this.#due = setTimeout(() => this.#settleWhenDue(), wait * 1000);
      return;
    }
    this.#settling = this.#settle()
      .catch((error: unknown) => this.#settleFault.abort(error))
      .finally(() => {
        this.#settling = undefined;
        if (!this.#over && !this.#settleFault.signal.aborted) this.#settleWhenDue();
      });
  }

  /** The last settlement is about to be made, or none any more. */
  #stopSettling(): void {
    this.#over = true;
    clearTimeout(this.#due);
  }

  /** @param beforeCommit what is said of the stream here is written together with its counts. */
  async #settle(beforeCommit?: () => void): Promise<void> {
    const state = this.#state;
    this.#edited = false;
    const snapshot: Snapshot = {
      position: state.position,
      presentationMicros: state.presentationMicros,
      checkpoint: Buffer.from(JSON.stringify(state)),
      counts: this.#committed(),
      crossings: state.uncommitted,
    };
    await this.#options.settlement.settle(snapshot, beforeCommit);
    this.#settledAt = performance.now();
    // Crossings only ever come behind these: the state has moved on meanwhile, but not lost any.
    this.#state = { ...this.#state, uncommitted: this.#state.uncommitted.slice(state.uncommitted.length) };
    await this.#show();
  }
}
