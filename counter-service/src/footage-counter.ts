/**
 * Counts footage frame after frame, over as many decoders as it takes.
 *
 *   decode, with the current picture and rate ──frame──▶ detect ─▶ analyse ──the picture or the rate changes──▶ decode again
 *      └─decoder dies─▶ decode again ──several times without a frame──▶ give the group of pictures up
 *                                                                        └─several groups─▶ refuse the stream
 *
 * The picture is the whole one until the size of people is known, then the region that the lines and zones need. It
 * changes after a frame at times of the plan's own (`nextPlanMicros`), never because of how fast frames come, so the same
 * video gives the same counts however it is served.
 */
import { free } from '#proto/media/byte-queue.ts';
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import type { Labels } from '#proto/process/metrics.ts';
import type { StreamAnalysis } from './analysis/stream-analysis.ts';
import type { CountingDetector, DetectionResult } from './detection/detector.ts';
import type { StreamStateReporter } from './ledger/stream-state.ts';
import { type DecodedFrame, DecoderFault } from './media/decoder.ts';
import type { Footage, UndecodableGroup } from './media/footage.ts';
import { mapAhead } from './media/map-ahead.ts';
import type { StreamMetrics } from './metrics.ts';
import { measurePicture, type PictureMeasure } from './picture/measure.ts';
import { Refused } from './refusal.ts';
import { type Eviction, EVICTIONS } from './specs/eviction.ts';

/** Footage this short may end before its first picture is out. */
const FEW_UNITS = 10;
/** Decoders that die without a frame in between, before the group of pictures is given up that they died of. */
const MAX_DECODER_DEATHS = 3;
/** Groups given up without a frame in between, before the stream is refused. */
const MAX_GROUPS_GIVEN_UP = 3;
/** After each further death the next decoder starts this much later. */
const RESTART_SECONDS = 0.2;

export interface FootageCounterOptions {
  readonly analysis: StreamAnalysis;
  readonly detector: CountingDetector;
  /** Names the call to the detector, which gives each call its turn. */
  readonly detectorKey: string;
  readonly streamState: StreamStateReporter;
  readonly evict: (eviction: Eviction) => void;
  /** Called after each counted frame. */
  readonly onFrame: () => Promise<void>;
  /** Called after each group of pictures that was given up. */
  readonly onGivenUp: () => void;
  readonly metrics: StreamMetrics;
  readonly labels: Labels;
  readonly log: Log;
}

interface AnalysedPicture {
  readonly result: DetectionResult;
  readonly measure: PictureMeasure;
}

export class FootageCounter {
  readonly #options: FootageCounterOptions;
  /** The watermark at the beginning of the call. */
  readonly #begunMicros: number;
  #unwatchableLogged = false;

  constructor(options: FootageCounterOptions) {
    this.#options = options;
    this.#begunMicros = options.analysis.state.presentationMicros;
  }

  /** Counts from the watermark to the end of the footage. @throws Refused UNDECODABLE; the signal's reason. */
  async count(footage: Footage, signal: AbortSignal): Promise<void> {
    const { analysis, metrics, labels, log } = this.#options;
    let [deaths, groups] = [0, 0];
    for (;;) {
      const before = analysis.state.presentationMicros;
      try {
        if ((await this.#decode(footage, signal)) === 'ended') break;
        if (!footage.rewindable) this.#requestResend(signal);
      } catch (error) {
        if (!(error instanceof DecoderFault) || signal.aborted) throw error;
        metrics.countDecoderDeath(labels);
        log.warn({ fault: error.message }, 'decoder died');
        if (analysis.state.presentationMicros > before) [deaths, groups] = [0, 0];
        deaths += 1;
        // Bounded: without a new frame since the call began, the agent is not asked again but the group is given up.
        if (!footage.rewindable && analysis.state.presentationMicros > this.#begunMicros) this.#requestResend(signal);
        if (deaths >= MAX_DECODER_DEATHS || !footage.rewindable) {
          [deaths, groups] = [0, groups + 1];
          const { continuous } = analysis.state;
          const { units, ended } = await this.#giveUpGroup(footage, signal);
          if (groups >= MAX_GROUPS_GIVEN_UP || (ended && !continuous && units > FEW_UNITS)) throw new Refused('UNDECODABLE', error.message);
          if (ended) break;
        }
        await pause(RESTART_SECONDS * deaths, signal);
      }
    }
    this.#finish(footage);
  }

  /** The footage has dropped video that a new decoder needs; the agent sends it again to this counter, or another one. */
  #requestResend(signal: AbortSignal): void {
    this.#options.evict(EVICTIONS.resend);
    signal.throwIfAborted();
  }

  async #giveUpGroup(footage: Footage, signal: AbortSignal): Promise<UndecodableGroup> {
    const group = await footage.giveUpGroup(this.#options.analysis.state.presentationMicros, signal);
    if (group.units > 0) this.#giveUp(group);
    return group;
  }

  #giveUp(group: UndecodableGroup): void {
    this.#options.analysis.giveUp(group);
    this.#options.onGivenUp();
  }

  /** Counts with one decoder and one picture. Returns `again` when the picture, or its rate, has to change. */
  async #decode(footage: Footage, signal: AbortSignal): Promise<'ended' | 'again'> {
    const { analysis, detector, detectorKey } = this.#options;
    const { framesPerSecond } = analysis.known.spec.detection;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const { plan } = analysis.state.look;
    const picture = { framesPerSecond, crop: plan.crop, ...plan.picture, onUnwatchable: () => this.#logUnwatchable() };
    const frames = footage.frames(picture, analysis.state.presentationMicros, either);
    const detect = async ({ presentationMicros, pixels }: DecodedFrame) => {
      const measure = measurePicture(pixels, plan.picture);
      const result = await detector.detect({ stream: detectorKey, pixels, plan }, either);
      free(pixels);
      return { presentationMicros, result, measure };
    };
    const isCurrent = () => analysis.state.look.plan === plan && analysis.known.spec.detection.framesPerSecond === framesPerSecond;
    try {
      for await (const { presentationMicros, result, measure } of mapAhead(frames, detector.depth, detect)) {
        // After an edit of the spec during detection, the frame is decoded again in the new picture.
        if (isCurrent()) await this.#countFrame(footage, presentationMicros, { result, measure });
        if (!isCurrent()) return 'again';
      }
      return 'ended';
    } finally {
      over.abort(new Error('the frames are no longer asked for'));
      await frames.return(undefined).catch(() => undefined);
    }
  }

  async #countFrame(footage: Footage, presentationMicros: number, { result, measure }: AnalysedPicture): Promise<void> {
    const { analysis, streamState, metrics, labels, onFrame } = this.#options;
    const before = performance.now();
    const span = footage.span(analysis.state.presentationMicros, presentationMicros);
    analysis.analyse({ presentationMicros, span, detections: result.detections, measure });
    streamState.reportFrame();
    footage.release(presentationMicros);
    metrics.countFrame(labels, {
      result,
      trackingMs: performance.now() - before,
      skipped: span.units - 1,
      lagMicros: footage.newestMicros - presentationMicros,
    });
    await onFrame();
  }

  /** The access units after the last picked frame belong to the observed time, too. */
  #finish(footage: Footage): void {
    const { analysis } = this.#options;
    const rest = footage.span(analysis.state.presentationMicros, Infinity);
    if (rest.units === 0) return;
    if (!analysis.state.continuous && rest.units > FEW_UNITS) {
      this.#giveUp({ units: rest.units, next: rest.position + 1, toMicros: rest.newestMicros, ended: true });
      throw new Refused(
        'UNDECODABLE',
        `Not one of ${rest.units} access units could be decoded: the video is not what it says (${footage.codec.fourcc}).`,
      );
    }
    analysis.advance(rest);
  }

  #logUnwatchable(): void {
    if (!this.#unwatchableLogged)
      this.#options.log.warn({}, 'decoders cannot be watched on this system: a decoder that hangs or grows is not ended');
    this.#unwatchableLogged = true;
  }
}
