/** What a counter shows of its streams. Every series of a stream goes when the stream does. */
import type { Labels, Metrics } from '#proto/process/metrics.ts';
import type { DetectionResult } from './detection/detector.ts';

const MILLISECONDS = [0.25, 0.5, 1, 2, 5, 10, 20, 35, 50, 75, 100, 250, 500, 1000, 5000];
const BATCHES = [1, 2, 4, 8, 16, 32];

export interface CountedFrame {
  readonly result: DetectionResult;
  readonly trackingMs: number;
  /** Access units before it that were not looked at. */
  readonly skipped: number;
  readonly lagMicros: number;
}

export type StreamMetrics = ReturnType<typeof streamMetrics>;
export type EventMetrics = Pick<StreamMetrics, 'recorded' | 'waiting' | 'delivered' | 'deliveryFailed'>;

export function streamMetrics(metrics: Metrics) {
  const units = metrics.counter('counter_access_units_total', 'Access units received.', ['stream']);
  const bytes = metrics.counter('counter_access_unit_bytes_total', 'Bytes of video received.', ['stream']);
  const frames = metrics.counter('counter_frames_total', 'Frames by fate: counted, or skipped between two of the rate asked for.', [
    'stream',
    'fate',
  ]);
  const gaps = metrics.counter('counter_gaps_total', 'Gaps in the video, by reason.', ['stream', 'reason']);
  const lag = metrics.gauge('counter_lag_seconds', 'Video received and not counted yet.', ['stream']);
  const decoders = metrics.counter('counter_decoder_deaths_total', 'Decoders that died and were started again.', ['stream']);
  const decoding = metrics.histogram('counter_decode_cpu_milliseconds', 'CPU time of the decoder for an access unit.', MILLISECONDS);
  const open = metrics.gauge('counter_streams', 'Streams that are served.');
  const refusals = metrics.counter('counter_refusals_total', 'Calls refused, by reason.', ['reason']);
  const cuts = metrics.counter(
    'counter_connections_cut_total',
    'Connections cut: too many, too many of one peer, without an accepted call for too long or too many bytes, or with call after call.',
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
  const waitingEvents = metrics.gauge('counter_events_waiting', 'Events that not every receiver has yet.', ['stream']);
  const droppedEvents = metrics.counter('counter_events_dropped_total', 'Events that had no room to wait, and become a loss.', ['stream']);
  const deliveredEvents = metrics.counter('counter_events_delivered_total', 'Events that a receiver has taken, by type.', [
    'receiver',
    'type',
  ]);
  const failures = metrics.counter(
    'counter_event_deliveries_failed_total',
    'Deliveries that a receiver did not take, and that are tried again.',
    ['receiver'],
  );
  open.set(0);
  return {
    serving(streams: number): void {
      open.set(streams);
    },
    refused(reason: string): void {
      refusals.add(1, { reason });
    },
    connectionCut(reason: string): void {
      cuts.add(1, { reason });
    },
    ledgerWritten(result: string): void {
      writes.add(1, { result });
    },
    received(labels: Labels, size: number): void {
      units.add(1, labels);
      bytes.add(size, labels);
    },
    counted(labels: Labels, frame: CountedFrame): void {
      frames.add(1, { ...labels, fate: 'counted' });
      if (frame.skipped > 0) frames.add(frame.skipped, { ...labels, fate: 'skipped' });
      lag.set(frame.lagMicros / 1e6, labels);
      waiting.observe(frame.result.queueMs);
      inference.observe(frame.result.inferenceCpuMs);
      batches.observe(frame.result.batchSize);
      tracking.observe(frame.trackingMs);
    },
    decoded(cpuMs: number): void {
      decoding.observe(cpuMs);
    },
    decoderDied(labels: Labels): void {
      decoders.add(1, labels);
    },
    interrupted(labels: Labels, reason: string): void {
      gaps.add(1, { ...labels, reason });
    },
    recorded(labels: Labels, { waiting: count, dropped }: { waiting: number; dropped: number }): void {
      waitingEvents.set(count, labels);
      if (dropped > 0) droppedEvents.add(dropped, labels);
    },
    waiting(labels: Labels, count: number): void {
      waitingEvents.set(count, labels);
    },
    delivered(receiver: string, events: readonly { readonly type: string }[]): void {
      for (const { type } of events) deliveredEvents.add(1, { receiver, type });
    },
    deliveryFailed(receiver: string): void {
      failures.add(1, { receiver });
    },
    async forget(labels: Labels): Promise<void> {
      await Promise.all([units, bytes, frames, gaps, lag, decoders, waitingEvents, droppedEvents].map((series) => series.forget(labels)));
    },
  };
}
