/**
 * The counting of one stream, once it is admitted: piece after piece of footage, frame after frame.
 *
 * States of the picture that is looked at: the whole one until enough people were seen, then the region that the
 * lines and zones need. It changes after a frame at a time of the plan's own (see `nextPlanMicros`), never because of
 * how fast frames came, so the same video gives the same counts however it is served.
 */
import type { CameraStreamSpec } from '#crds/schema.ts';
import type { Log } from '#proto/log.ts';
import { free } from '#proto/media/byte-queue.ts';
import type { Labels } from '#proto/metrics.ts';
import type { CodecMessage, CounterMessage, GapMessage, StreamName } from '#proto/protocol.ts';
import {
  advance,
  analyse,
  type AnalysisState,
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
  readonly spec: CameraStreamSpec;
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
  readonly draining: AbortSignal;
}

export class Counting {
  readonly #options: CountingOptions;
  readonly #settleFault = new AbortController();
  #state: AnalysisState;
  /** Of the footage at hand. */
  #codec: Pick<CodecMessage, 'width' | 'height'>;
  /** Whether the frontier lies in the footage at hand: the time from it to the next frame is observed. */
  #continuous: boolean;
  #settling: Promise<void> | undefined;
  #settledAt = performance.now();

  constructor(options: CountingOptions) {
    this.#options = options;
    const { checkpoint } = options;
    this.#codec = options.codec;
    this.#state = checkpoint ? resumeAnalysis(checkpoint, this.#view(), options.committed) : this.#startAfresh();
    this.#continuous = checkpoint !== undefined;
  }

  /** Counts until the stream ends or the service drains; then everything counted is settled. */
  async run(signal: AbortSignal): Promise<'finished' | 'drained'> {
    const either = AbortSignal.any([signal, this.#settleFault.signal]);
    try {
      const ended = await this.#countUntilDraining(either);
      await this.#settling;
      await this.#settle();
      return ended;
    } catch (error) {
      throw this.#settleFault.signal.aborted ? (this.#settleFault.signal.reason as unknown) : error;
    }
  }

  async #countUntilDraining(signal: AbortSignal): Promise<'finished' | 'drained'> {
    const { intake, draining } = this.#options;
    const reading = AbortSignal.any([signal, draining]);
    try {
      for await (const piece of intake.pieces(reading)) {
        if (piece.gap !== undefined) this.#interrupt(piece.gap, piece);
        await this.#count(piece, reading);
      }
      return 'finished';
    } catch (error) {
      // Between two frames the state is whole, wherever the reading was stopped.
      if (draining.aborted && !signal.aborted) return 'drained';
      throw error;
    }
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

  /** Follows the footage with one decoder and one picture; `again` when the picture is to be another one. */
  async #follow(footage: Footage, signal: AbortSignal): Promise<'ended' | 'again'> {
    const { detector, spec, stream } = this.#options;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const { plan } = this.#state.look;
    const picture = { framesPerSecond: spec.detection.framesPerSecond, crop: plan.crop, ...plan.picture };
    const frames = footage.frames(picture, this.#state.presentationMicros, either);
    const detect = async ({ presentationMicros, pixels }: DecodedFrame) => {
      const answered = await detector.detect({ stream: stream.uid, pixels, plan }, either);
      free(pixels);
      return { presentationMicros, answered };
    };
    try {
      for await (const { presentationMicros, answered } of ahead(frames, detector.depth, detect)) {
        await this.#step(footage, presentationMicros, answered);
        if (this.#state.look.plan !== plan) return 'again';
      }
      return 'ended';
    } finally {
      over.abort(new Error('the frames are no longer asked for'));
      await frames.return(undefined).catch(() => undefined);
    }
  }

  async #step(footage: Footage, presentationMicros: number, answered: Answered): Promise<void> {
    const { metrics, labels, spec } = this.#options;
    const before = performance.now();
    const passed = footage.passed(this.#state.presentationMicros, presentationMicros);
    const frame = { presentationMicros, passed, continuous: this.#continuous, detections: answered.detections };
    this.#state = analyse(this.#state, frame, spec.detection, this.#view());
    this.#continuous = true;
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
    if (!this.#continuous && rest.units > FEW_UNITS) {
      throw new Refused('UNDECODABLE', `Not one of ${rest.units} access units could be decoded: the video is not what it says (${footage.codec.fourcc}).`);
    }
    this.#state = advance(this.#state, rest, rest.newestMicros, this.#continuous);
  }

  #interrupt(gap: GapMessage, { footage }: Piece): void {
    const { log, metrics, labels } = this.#options;
    const { fromMicros, toMicros, reason, after, next } = gap;
    log.warn({ reason, after, next, seconds: (toMicros - fromMicros) / 1e6 }, 'gap in the video');
    metrics.interrupted(labels, reason);
    const record = { fromMicros, toMicros, reason, accessUnits: next - after - 1 };
    this.#codec = footage.codec;
    this.#state = interrupt(this.#state, record, next, this.#view());
    this.#continuous = false;
  }

  #startAfresh(): AnalysisState {
    const { committed, session, sessionStartMicros, settlement } = this.#options;
    const fresh = startAnalysis(this.#view(), committed, committed?.session === session ? settlement.position : 0);
    if (committed === undefined) return fresh;
    // Counted before, but not from here: what lies between was seen by nobody who could go on.
    const reason = committed.session === session ? 'CHECKPOINT_LOST' : 'AGENT_REPLACED';
    const fromMicros = Date.parse(committed.time) * 1000 - sessionStartMicros;
    const record = { fromMicros, toMicros: Math.max(0, fromMicros), reason, accessUnits: 0 } as const;
    return interrupt(fresh, record, fresh.position + 1, this.#view());
  }

  /** What the lines and zones mean in the pictures at hand, for this model. */
  #view(): View {
    const { spec, detector } = this.#options;
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
    if (this.#settling !== undefined) return;
    const changed = this.#options.settlement.differs(this.#committed());
    const seconds = (performance.now() - this.#settledAt) / 1000;
    if (seconds < (changed ? CHANGED_CHECKPOINT_SECONDS : CHECKPOINT_SECONDS)) return;
    this.#settling = this.#settle()
      .catch((error: unknown) => this.#settleFault.abort(error))
      .finally(() => (this.#settling = undefined));
  }

  async #settle(): Promise<void> {
    const state = this.#state;
    const snapshot: Snapshot = {
      position: state.position,
      presentationMicros: state.presentationMicros,
      checkpoint: Buffer.from(JSON.stringify(state)),
      counts: this.#committed(),
      crossings: state.uncommitted,
    };
    await this.#options.settlement.settle(snapshot);
    this.#settledAt = performance.now();
    // Crossings only ever come behind these: the state has moved on meanwhile, but not lost any.
    this.#state = { ...this.#state, uncommitted: this.#state.uncommitted.slice(state.uncommitted.length) };
    await this.#show();
  }
}
