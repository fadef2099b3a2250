/**
 * Counts one admitted stream until it ends or is evicted.
 *
 *   pieces of footage ─▶ frames ─▶ analysis ─┬▶ site: the counts after each frame
 *                                            ├▶ journal: events for the receivers
 *                                            └▶ schedule: checkpoints to settle
 *
 * At the end everything counted is settled, together with the last state of the stream.
 */
import type { Log } from '#proto/process/log.ts';
import type { Labels } from '#proto/process/metrics.ts';
import type { CodecMessage, CounterMessage } from '#proto/wire/protocol.ts';
import type { AnalysisState, Outcome } from './analysis/analysis.ts';
import { type Checkpoint, writeCheckpoint } from './settlement/checkpoint.ts';
import { StreamAnalysis } from './analysis/stream-analysis.ts';
import type { Admission, Resources } from './call/admission.ts';
import type { Evictions } from './call/evictions.ts';
import type { Intake } from './call/intake.ts';
import { EventJournal } from './events/journal.ts';
import { type Numbers, resumeOutbox, startOutbox } from './events/outbox.ts';
import { FootageCounter } from './footage-counter.ts';
import type { CommittedCounts } from './ledger/ledger.ts';
import { Refused } from './refusal.ts';
import { committedCounts, numbersOf, siteCounts } from './reporting/reports.ts';
import type { CheckpointCommit, Snapshot } from './settlement/checkpoint-commit.ts';
import { CheckpointSchedule } from './settlement/checkpoint-schedule.ts';
import { EVICTIONS } from './specs/eviction.ts';
import type { FollowedSpec, KnownSpec } from './specs/specs.ts';

/** How long the end of a stream waits for receivers to take its last events, for there may be no later counter. */
const FLUSH_MS = 5_000;

export interface CountingOptions {
  readonly admission: Admission;
  readonly codec: CodecMessage;
  /** As the agent's Resume says. */
  readonly takenMicros: number;
  readonly checkpoint: Checkpoint | undefined;
  readonly intake: Intake;
  readonly checkpointCommit: CheckpointCommit;
  readonly send: (message: CounterMessage) => Promise<void>;
  readonly evictions: Pick<Evictions, 'signal' | 'evict'>;
  /** Called once, when everything is counted and about to be committed. */
  readonly reportEnd: (end: StreamEnd) => void;
  readonly resources: Pick<Resources, 'metrics' | 'receivers' | 'mostWaitingEvents'>;
  readonly labels: Labels;
  readonly log: Log;
}

/** `finished`: the source has ended; `paused`: the agent stops although its source goes on. */
export type StreamEnd = 'finished' | 'paused' | 'evicted';

export class CountingRun {
  readonly #options: CountingOptions;
  readonly #analysis: StreamAnalysis;
  readonly #footageCounter: FootageCounter;
  readonly #journal: EventJournal;
  readonly #schedule: CheckpointSchedule;
  /** Aborted by a fault outside the loop over the frames. */
  readonly #fault = new AbortController();
  /** The latest counts, and what they were built of. */
  #built: { readonly state: AnalysisState; readonly delivered: Numbers | undefined; readonly counts: CommittedCounts } | undefined;

  /** @throws Refused when the stream is gone, or the checkpoint cannot be resumed. */
  constructor(options: CountingOptions) {
    this.#options = options;
    const { admission, codec, checkpoint, checkpointCommit } = options;
    const { followed, hello, detector, writer } = admission;
    this.#analysis = new StreamAnalysis({
      known: followed.current(),
      picture: codec,
      input: detector.input,
      checkpoint: checkpoint?.analysis,
      committed: writer.counts,
      position: checkpointCommit.position,
      nowMicros: Date.now() * 1000,
      successor: { session: hello.session, sessionStartMicros: hello.sessionStartMicros, takenMicros: options.takenMicros },
      onOutcome: (outcome) => this.#record(outcome),
    });
    for (const { type, reason } of this.#analysis.state.findings) {
      options.resources.metrics.showFinding(options.labels, { type, reason, before: undefined });
    }
    this.#footageCounter = this.#createFootageCounter();
    // The spec may have been edited since the admission, while there was no video.
    admission.streamState.adoptGeneration(this.#analysis.known.generation);
    this.#journal = this.#openJournal();
    this.#schedule = new CheckpointSchedule({
      checkpointCommit,
      counts: () => this.#counts(),
      snapshot: () => this.#snapshot(),
      show: () => this.#show(),
      onCommitted: (counts) => this.#journal.setCommitted(numbersOf(counts)),
      onFault: (error) => this.#fault.abort(error),
    });
  }

  /** Counts until the stream ends or is evicted; then everything counted is settled. */
  async run(signal: AbortSignal): Promise<StreamEnd> {
    const either = AbortSignal.any([signal, this.#fault.signal]);
    const specWatchStop = new AbortController();
    const deliveryStop = new AbortController();
    const specWatch = this.#followSpec(AbortSignal.any([either, specWatchStop.signal])).catch((error: unknown) => this.#fault.abort(error));
    const delivery = this.#journal.run(AbortSignal.any([either, deliveryStop.signal]));
    try {
      const end = await this.#countUntilEnd(either);
      this.#schedule.stop();
      specWatchStop.abort(new Error('nothing is counted any more'));
      await specWatch;
      const cursor = this.#journal.deliveredNumbers;
      await this.#schedule.settleLast(() => this.#options.reportEnd(end));
      // After an eviction the next counter delivers the events of the checkpoint; after a suspension there is none.
      if (end !== 'evicted' || this.#options.evictions.signal.reason === EVICTIONS.suspend) await this.#finishDelivery(cursor, either);
      return end;
    } catch (error) {
      // The group that was given up is settled, so that the next call begins after it.
      if (error instanceof Refused && error.reason === 'UNDECODABLE' && !either.aborted) await this.#schedule.settleLast();
      throw this.#fault.signal.aborted ? (this.#fault.signal.reason as unknown) : error;
    } finally {
      this.#schedule.stop();
      specWatchStop.abort(new Error('nothing is counted any more'));
      deliveryStop.abort(new Error('the stream is over'));
      await delivery;
    }
  }

  async #countUntilEnd(signal: AbortSignal): Promise<StreamEnd> {
    const { intake, evictions } = this.#options;
    const reading = AbortSignal.any([signal, evictions.signal]);
    try {
      for await (const { gap, footage } of intake.pieces(reading)) {
        if (gap !== undefined) {
          this.#analysis.interrupt(gap, footage.codec);
          this.#schedule.settleIfDue();
        }
        await this.#footageCounter.count(footage, reading);
      }
      if (intake.paused) return 'paused';
      this.#analysis.finish();
      return 'finished';
    } catch (error) {
      // Between two frames the state is whole, so the eviction may settle it.
      if (evictions.signal.aborted && !signal.aborted) return 'evicted';
      throw error;
    }
  }

  /** No later commit could carry the delivery cursor: commits once more if it has moved since the last commit. */
  async #finishDelivery(cursor: Numbers | undefined, signal: AbortSignal): Promise<void> {
    await this.#journal.flush(AbortSignal.any([signal, AbortSignal.timeout(FLUSH_MS)])).catch(() => undefined);
    signal.throwIfAborted();
    if (JSON.stringify(this.#journal.deliveredNumbers) !== JSON.stringify(cursor)) await this.#schedule.settleLast();
  }

  /** Adopts edits of the spec as they come, whether or not there are frames. Resolves when the signal aborts. */
  async #followSpec(signal: AbortSignal): Promise<void> {
    const { followed } = this.#options.admission;
    while (!signal.aborted) {
      await followed.changed.wait(signal).catch(() => undefined);
      if (signal.aborted) return;
      const known = latestSpec(followed);
      // `Evictions` ends the call of a stream that is gone.
      if (known === undefined) return;
      this.#adopt(known);
      this.#schedule.settleIfDue();
    }
  }

  #adopt(known: KnownSpec): void {
    if (known === this.#analysis.known) return;
    this.#analysis.adopt(known);
    this.#schedule.makeUrgent();
    this.#options.admission.streamState.adoptGeneration(known.generation);
    this.#options.log.info({ generation: known.generation }, 'spec adopted');
  }

  /** Hands the outcome of a step to the journal, and its gap to metrics and log. */
  #record(outcome: Outcome): void {
    const { log, resources, labels } = this.#options;
    this.#journal.record(outcome);
    for (const change of outcome.findings) {
      resources.metrics.showFinding(labels, change);
      log.warn(change, change.reason === undefined ? 'the counts are no longer doubtful' : 'the counts are doubtful');
    }
    const { gap } = outcome;
    if (gap === undefined) return;
    const { number, reason, accessUnits } = gap;
    log.warn({ number, reason, accessUnits, seconds: (gap.toMicros - gap.fromMicros) / 1e6 }, 'gap in the video');
    resources.metrics.countGap(labels, reason);
  }

  /** Built once for each state and cursor: showing and settling both ask for it after each frame. */
  #counts(): CommittedCounts {
    const { state } = this.#analysis;
    const delivered = this.#journal.deliveredNumbers;
    if (this.#built?.state !== state || this.#built.delivered !== delivered) {
      this.#built = { state, delivered, counts: committedCounts(state, this.#options.admission.hello, delivered) };
    }
    return this.#built.counts;
  }

  #snapshot(): Snapshot {
    const { state } = this.#analysis;
    const { position, presentationMicros } = state;
    const checkpoint = writeCheckpoint({ analysis: state, outbox: this.#journal.outbox });
    return { position, presentationMicros, checkpoint, counts: this.#counts() };
  }

  async #show(): Promise<void> {
    const { send, admission, checkpointCommit } = this.#options;
    const provisional = checkpointCommit.differs(this.#counts());
    const { term } = admission.writer;
    await send({ counts: { ...siteCounts(this.#analysis.state), term, committedPosition: checkpointCommit.position, provisional } });
  }

  #createFootageCounter(): FootageCounter {
    const { admission, evictions, resources, labels, log } = this.#options;
    const { stream, writer, detector, streamState } = admission;
    return new FootageCounter({
      analysis: this.#analysis,
      detector,
      detectorKey: `${stream.uid} in term ${writer.term}`,
      streamState,
      evict: (eviction) => evictions.evict(eviction),
      onFrame: async () => {
        resources.metrics.setDoubtful(labels, this.#analysis.state.doubtfulMicros);
        await this.#show();
        this.#schedule.settleIfDue();
      },
      onGivenUp: () => this.#schedule.settleIfDue(),
      metrics: resources.metrics,
      labels,
      log,
    });
  }

  #openJournal(): EventJournal {
    const { admission, checkpoint, checkpointCommit, resources, labels, log } = this.#options;
    const { stream, hello, writer } = admission;
    const { counter, gaps } = this.#analysis.state;
    const delivered = writer.counts?.delivered;
    const outbox = checkpoint?.outbox
      ? resumeOutbox(checkpoint.outbox, delivered)
      : startOutbox(numbersOf({ ...counter, gaps }), delivered);
    return new EventJournal(
      {
        stream,
        receivers: resources.receivers,
        mostWaitingEvents: resources.mostWaitingEvents,
        clock: { startMicros: hello.sessionStartMicros, recorded: hello.recorded },
        metrics: resources.metrics,
        labels,
        log,
        onDelivered: () => checkpointCommit.deferDelivery(this.#journal.deliveredNumbers),
      },
      outbox,
      numbersOf(writer.counts),
    );
  }
}

/** Undefined when the stream is gone, or its spec is invalid. */
function latestSpec(followed: FollowedSpec): KnownSpec | undefined {
  try {
    return followed.current();
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
