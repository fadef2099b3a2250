/**
 * The events of one stream on their way to the receivers.
 *
 *   record ─▶ outbox ─▶ committed ─▶ delivered to each receiver, at its own pace ─▶ removed once all receivers have them
 *
 * Counting and commits never wait for a receiver: deliveries are retried, and the outbox is bounded.
 */
import { pause, waitBackoff } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { Log } from '#proto/process/log.ts';
import type { Labels } from '#proto/process/metrics.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { Outcome } from '../analysis/analysis.ts';
import type { EventMetrics } from '../metrics.ts';
import { toStreamEvent, eventsOf, type SessionClock } from './event.ts';
import { acknowledge, type Batch, dueFor, lowest, type Numbers, type Outbox, record, waitingFor } from './outbox.ts';
import type { Receiver } from './receiver.ts';

const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 15 };
/** The time limit of a delivery. */
const ANSWER_MS = 30_000;

export interface JournalOptions {
  readonly stream: StreamName;
  readonly receivers: readonly Receiver[];
  /** The most events that may wait for a receiver; by default as many as a checkpoint holds. */
  readonly mostWaitingEvents: number | undefined;
  readonly clock: SessionClock;
  readonly metrics: EventMetrics;
  readonly labels: Labels;
  readonly log: Log;
  /** Called when a receiver has taken events. */
  readonly onDelivered: () => void;
}

export class EventJournal {
  readonly #options: JournalOptions;
  readonly #changed = new ConditionVariable();
  /** Aborted when the stream ends: from then on the pause between retries does not grow. */
  readonly #flushing = new AbortController();
  /** The events that each receiver has. */
  readonly #cursors = new Map<Receiver, Numbers>();
  #outbox: Outbox;
  #committed: Numbers;

  /** @param committed the numbers in the ledger. */
  constructor(options: JournalOptions, outbox: Outbox, committed: Numbers) {
    this.#options = options;
    this.#outbox = outbox;
    this.#committed = committed;
    for (const receiver of options.receivers) this.#cursors.set(receiver, outbox.delivered);
  }

  /** For the checkpoint. Undefined without receivers. */
  get outbox(): Outbox | undefined {
    return this.#cursors.size > 0 ? this.#outbox : undefined;
  }

  /** For the ledger: every receiver has the events up to these numbers. Undefined without receivers. */
  get deliveredNumbers(): Numbers | undefined {
    return this.outbox?.delivered;
  }

  /** Adds the events of a step to the outbox. Never waits. */
  record(outcome: Outcome): void {
    if (this.#cursors.size === 0) return;
    const { clock, metrics, labels, mostWaitingEvents } = this.#options;
    const before = this.#outbox;
    const events = eventsOf(outcome, clock, Date.now() * 1000);
    if (events.length === 0) return;
    this.#outbox = record(before, events, mostWaitingEvents);
    const dropped = before.waiting.length + events.length - this.#outbox.waiting.length;
    if (dropped > 0) metrics.countDroppedEvents(labels, dropped);
    this.#showWaiting();
  }

  /** The ledger holds these numbers: the events up to them may be delivered. */
  setCommitted(totals: Numbers): void {
    this.#committed = totals;
    this.#changed.notify();
  }

  /** Delivers until the signal aborts. Faults of a receiver are retried and never thrown. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#options.receivers.map((receiver) => this.#deliverTo(receiver, signal)));
  }

  /** Resolves when every receiver has all committed events. @throws the signal's reason when it aborts first. */
  async flush(signal: AbortSignal): Promise<void> {
    this.#flushing.abort();
    while (this.#options.receivers.some((receiver) => this.#dueFor(receiver).events.length > 0)) await this.#changed.wait(signal);
  }

  async #deliverTo(receiver: Receiver, signal: AbortSignal): Promise<void> {
    const { stream, log, metrics } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const { events, through } = this.#dueFor(receiver);
      if (events.length === 0) {
        await this.#changed.wait(signal).catch(() => undefined);
        continue;
      }
      try {
        const late = AbortSignal.timeout(ANSWER_MS);
        await receiver.deliver(
          events.map((event) => toStreamEvent(stream, event)),
          AbortSignal.any([signal, late]),
        );
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        metrics.countDeliveryFailure(receiver.name);
        if (failures === 1)
          log.warn({ receiver: receiver.name, sentence: (error as Error).message }, 'a delivery failed: events wait for the receiver');
        await this.#pause(failures, signal);
        continue;
      }
      if (failures > 0) log.info({ receiver: receiver.name, failures }, 'the receiver takes events again');
      failures = 0;
      this.#advance(receiver, through);
      metrics.countDeliveries(receiver.name, events);
    }
  }

  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    await waitBackoff(BACKOFF, failures, AbortSignal.any([signal, this.#flushing.signal]));
    if (this.#flushing.signal.aborted) await pause(BACKOFF.initialSeconds, signal);
  }

  #dueFor(receiver: Receiver): Batch {
    return dueFor(this.#outbox, this.#committed, this.#cursors.get(receiver)!);
  }

  #advance(receiver: Receiver, through: Numbers): void {
    this.#cursors.set(receiver, through);
    this.#outbox = acknowledge(this.#outbox, [...this.#cursors.values()].reduce(lowest));
    this.#showWaiting();
    this.#options.onDelivered();
    this.#changed.notify();
  }

  #showWaiting(): void {
    const { metrics, labels } = this.#options;
    metrics.setWaitingEvents(labels, waitingFor(this.#outbox, this.#outbox.delivered));
  }
}
