/**
 * The events of one stream on their way to the receivers.
 *
 *   record ─▶ outbox ─▶ committed ─▶ delivered to each receiver, at its own pace ─▶ forgotten, once all have it
 *
 * Counting and commits never wait for a receiver: one that is away is tried again, and the outbox is bounded.
 */
import { pause, waitBackoff } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { Log } from '#proto/process/log.ts';
import type { Labels } from '#proto/process/metrics.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { Outcome } from '../analysis/analysis.ts';
import type { EventMetrics } from '../metrics.ts';
import { addressed, eventsOf, type SessionClock } from './event.ts';
import { acknowledge, type Batch, dueFor, lowest, type Numbers, type Outbox, record, waitingFor } from './outbox.ts';
import type { Receiver } from './receiver.ts';

const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 15 };
/** A receiver that has not answered by then is tried again. */
const ANSWER_MS = 30_000;

export interface JournalOptions {
  readonly stream: StreamName;
  readonly receivers: readonly Receiver[];
  /** Events that wait for a receiver, at most. */
  readonly mostWaitingEvents: number;
  readonly clock: SessionClock;
  readonly metrics: EventMetrics;
  readonly labels: Labels;
  readonly log: Log;
  /** Every receiver has more than before. */
  readonly onDelivered: () => void;
}

export class EventJournal {
  readonly #options: JournalOptions;
  readonly #changed = new ConditionVariable();
  /** Aborted when the stream ends: a receiver that is away is not waited for any longer than it takes to try again. */
  readonly #flushing = new AbortController();
  /** What each receiver has. */
  readonly #has = new Map<Receiver, Numbers>();
  #outbox: Outbox;
  #committed: Numbers;

  /** @param committed what the ledger holds. */
  constructor(options: JournalOptions, outbox: Outbox, committed: Numbers) {
    this.#options = options;
    this.#outbox = outbox;
    this.#committed = committed;
    for (const receiver of options.receivers) this.#has.set(receiver, outbox.delivered);
  }

  /** For the checkpoint. Undefined without receivers: nothing waits then. */
  get outbox(): Outbox | undefined {
    return this.#has.size > 0 ? this.#outbox : undefined;
  }

  /** For the ledger: every receiver has the events up to these numbers. */
  get delivered(): Numbers | undefined {
    return this.outbox?.delivered;
  }

  /** Never waits. */
  record(outcome: Outcome): void {
    if (this.#has.size === 0) return;
    const { clock, metrics, labels, mostWaitingEvents } = this.#options;
    const before = this.#outbox;
    const events = eventsOf(outcome, clock, Date.now() * 1000);
    this.#outbox = record(before, events, mostWaitingEvents);
    const dropped = before.waiting.length + events.length - this.#outbox.waiting.length;
    if (events.length > 0) metrics.recorded(labels, { waiting: waitingFor(this.#outbox, this.#outbox.delivered), dropped });
  }

  /** The ledger holds these totals: what led to them may leave. */
  committed(totals: Numbers): void {
    this.#committed = totals;
    this.#changed.notify();
  }

  /** Delivers until the signal aborts. Never throws for what a receiver does. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#options.receivers.map((receiver) => this.#deliverTo(receiver, signal)));
  }

  /** Resolves when every receiver has what is committed. @throws the signal's reason when it aborts first. */
  async flushed(signal: AbortSignal): Promise<void> {
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
          events.map((event) => addressed(stream, event)),
          AbortSignal.any([signal, late]),
        );
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        metrics.deliveryFailed(receiver.name);
        if (failures === 1) log.warn({ receiver: receiver.name, sentence: (error as Error).message }, 'events wait for their receiver');
        await this.#pause(failures, signal);
        continue;
      }
      if (failures > 0) log.info({ receiver: receiver.name, failures }, 'the receiver takes events again');
      failures = 0;
      this.#advance(receiver, through);
      metrics.delivered(receiver.name, events);
    }
  }

  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    await waitBackoff(BACKOFF, failures, AbortSignal.any([signal, this.#flushing.signal]));
    if (this.#flushing.signal.aborted) await pause(BACKOFF.initialSeconds, signal);
  }

  #dueFor(receiver: Receiver): Batch {
    return dueFor(this.#outbox, this.#committed, this.#has.get(receiver)!);
  }

  #advance(receiver: Receiver, through: Numbers): void {
    const { metrics, labels, onDelivered } = this.#options;
    this.#has.set(receiver, through);
    this.#outbox = acknowledge(this.#outbox, [...this.#has.values()].reduce(lowest));
    metrics.waiting(labels, waitingFor(this.#outbox, this.#outbox.delivered));
    onDelivered();
    this.#changed.notify();
  }
}
