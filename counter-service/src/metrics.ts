/** The metrics of a counter. The series of a stream are removed when its last call ends. */
import type { FindingType } from '#crds/schema.ts';
import type { Labels, Metrics } from '#proto/process/metrics.ts';
import type { DetectionResult } from './detection/detector.ts';

const MILLISECONDS = [0.25, 0.5, 1, 2, 5, 10, 20, 35, 50, 75, 100, 250, 500, 1000, 5000];
const BATCHES = [1, 2, 4, 8, 16, 32];

export interface CountedFrame {
  readonly result: DetectionResult;
  readonly trackingMs: number;
  /** Access units before this frame that were not picked. */
  readonly skipped: number;
  readonly lagMicros: number;
}

/** The reasons of the finding of one type, after and before the change. */
export interface FindingChange {
  readonly type: FindingType;
  readonly reason: string | undefined;
  readonly before: string | undefined;
}

export type StreamMetrics = ReturnType<typeof streamMetrics>;
export type EventMetrics = Pick<StreamMetrics, 'countDroppedEvents' | 'setWaitingEvents' | 'countDeliveries' | 'countDeliveryFailure'>;

export function streamMetrics(metrics: Metrics) {
  const units = metrics.counter('counter_access_units_total', 'Access units received.', ['stream']);
  const bytes = metrics.counter('counter_access_unit_bytes_total', 'Bytes of video received.', ['stream']);
  const frames = metrics.counter('counter_frames_total', 'Frames by fate: counted, or skipped between two frames of the wanted rate.', [
    'stream',
    'fate',
  ]);
  const gaps = metrics.counter('counter_gaps_total', 'Gaps in the video, by reason.', ['stream', 'reason']);
  const findings = metrics.gauge('counter_finding', '1 while something in the video makes the counts of a stream doubtful.', [
    'stream',
    'type',
    'reason',
  ]);
  const doubtful = metrics.gauge('counter_doubtful_seconds', 'Video analysed while the picture could not be used.', ['stream']);
  const lag = metrics.gauge('counter_lag_seconds', 'Video received and not counted yet.', ['stream']);
  const decoders = metrics.counter('counter_decoder_deaths_total', 'Decoders that died and were started again.', ['stream']);
  const decoding = metrics.histogram('counter_decode_cpu_milliseconds', 'CPU time of the decoder for an access unit.', MILLISECONDS);
  const open = metrics.gauge('counter_streams', 'Streams that are served.');
  const refusals = metrics.counter('counter_refusals_total', 'Calls refused, by reason.', ['reason']);
  const cuts = metrics.counter(
    'counter_connections_cut_total',
    'Connections cut: too many in all or of one peer, no accepted call in time or within too many bytes, or too many calls.',
    ['reason'],
  );
  const writes = metrics.counter('counter_ledger_writes_total', 'Writes of a status, by result: written, conflict, refused, unanswered.', [
    'result',
  ]);
  const waiting = metrics.histogram(
    'counter_inference_wait_milliseconds',
    'From handing a frame to the detector to its run.',
    MILLISECONDS,
  );
  const inference = metrics.histogram('counter_inference_cpu_milliseconds', 'CPU time of a frame in the model.', MILLISECONDS);
  const batches = metrics.histogram('counter_inference_batch_size', 'Frames in one run of the model.', BATCHES);
  const tracking = metrics.histogram('counter_tracking_milliseconds', 'Tracking and counting of a frame.', MILLISECONDS);
  const waitingEvents = metrics.gauge('counter_events_waiting', 'Events that at least one receiver does not have yet.', ['stream']);
  const droppedEvents = metrics.counter(
    'counter_events_dropped_total',
    'Events that were dropped because too many waited; they are declared lost.',
    ['stream'],
  );
  const deliveredEvents = metrics.counter('counter_events_delivered_total', 'Events that a receiver has taken, by type.', [
    'receiver',
    'type',
  ]);
  const failures = metrics.counter('counter_event_deliveries_failed_total', 'Deliveries that failed and are retried.', ['receiver']);
  open.set(0);
  return {
    setStreams(streams: number): void {
      open.set(streams);
    },
    countRefusal(reason: string): void {
      refusals.add(1, { reason });
    },
    countConnectionCut(reason: string): void {
      cuts.add(1, { reason });
    },
    countLedgerWrite(result: string): void {
      writes.add(1, { result });
    },
    countAccessUnit(labels: Labels, size: number): void {
      units.add(1, labels);
      bytes.add(size, labels);
    },
    countFrame(labels: Labels, frame: CountedFrame): void {
      frames.add(1, { ...labels, fate: 'counted' });
      if (frame.skipped > 0) frames.add(frame.skipped, { ...labels, fate: 'skipped' });
      lag.set(frame.lagMicros / 1e6, labels);
      waiting.observe(frame.result.queueMs);
      inference.observe(frame.result.inferenceCpuMs);
      batches.observe(frame.result.batchSize);
      tracking.observe(frame.trackingMs);
    },
    observeDecoding(cpuMs: number): void {
      decoding.observe(cpuMs);
    },
    countDecoderDeath(labels: Labels): void {
      decoders.add(1, labels);
    },
    countGap(labels: Labels, reason: string): void {
      gaps.add(1, { ...labels, reason });
    },
    /** @param reason undefined when there is no finding of this type any more. */
    showFinding(labels: Labels, { type, reason, before }: FindingChange): void {
      if (before !== undefined) void findings.forget({ ...labels, type, reason: before });
      if (reason !== undefined) findings.set(1, { ...labels, type, reason });
    },
    setDoubtful(labels: Labels, micros: number): void {
      doubtful.set(micros / 1e6, labels);
    },
    countDroppedEvents(labels: Labels, count: number): void {
      droppedEvents.add(count, labels);
    },
    setWaitingEvents(labels: Labels, count: number): void {
      waitingEvents.set(count, labels);
    },
    countDeliveries(receiver: string, events: readonly { readonly type: string }[]): void {
      for (const { type } of events) deliveredEvents.add(1, { receiver, type });
    },
    countDeliveryFailure(receiver: string): void {
      failures.add(1, { receiver });
    },
    async forget(labels: Labels): Promise<void> {
      await Promise.all(
        [units, bytes, frames, gaps, findings, doubtful, lag, decoders, waitingEvents, droppedEvents].map((series) =>
          series.forget(labels),
        ),
      );
    },
  };
}
