/**
 * Events that wait for their receivers, as plain data in the checkpoint, so that they survive the counter.
 *
 *   recorded ──commit──▶ due ──the receiver has it──▶ delivered
 *      └── no room: the oldest are dropped, and their numbers become a loss
 *
 * Invariants, for crossings and for gaps: each number up to `recorded` is delivered, lost or waiting; the waiting ones are
 * the newest, without a hole; so the numbers between `delivered` and the first waiting one are lost. `delivered` never
 * falls. No event is due before it is committed.
 */
import * as z from 'zod';
import { type Loss, lossReasons, type WaitingEvent, waitingEvent } from '#crds/events.ts';

export const MOST_EVENTS = 2_000;
const MOST_CHARACTERS = 512 * 1024;
/** Events that a receiver takes at a time. */
const BATCH = 100;

const natural = z.int().min(0);
const numbersSchema = z.object({ crossings: natural, gaps: natural });
/** A cursor: all crossings and all gaps up to these numbers. */
export type Numbers = Readonly<z.infer<typeof numbersSchema>>;

export const outboxSchema = z.object({
  recorded: numbersSchema,
  /** Every receiver has the events up to here, or their loss. */
  delivered: numbersSchema,
  waiting: z.array(waitingEvent).max(MOST_EVENTS).readonly(),
  /** The reason of the newest loss. */
  lossReason: z.enum(lossReasons).optional(),
});
export type Outbox = Readonly<z.infer<typeof outboxSchema>>;

export interface Batch {
  readonly events: readonly (WaitingEvent | Loss)[];
  /** The receiver's cursor after this batch. */
  readonly through: Numbers;
}

/**
 * Starts without a checkpoint: no event waits, and recorded events that are not delivered are lost.
 * @param delivered by the ledger; undefined when there were no receivers before: delivery begins with the next event.
 */
export function startOutbox(recorded: Numbers, delivered: Numbers = recorded): Outbox {
  return { recorded, delivered, waiting: [], lossReason: 'CheckpointLost' };
}

/** Continues the outbox of a checkpoint. @param delivered by the ledger, which may be further. */
export function resumeOutbox(kept: Outbox, delivered: Numbers = kept.delivered): Outbox {
  return acknowledge(kept, highest(kept.delivered, delivered));
}

/** Adds events. @param most events that may wait: beyond it the oldest are dropped. */
export function record(before: Outbox, events: readonly WaitingEvent[], most = MOST_EVENTS): Outbox {
  if (events.length === 0) return before;
  const recorded = events.reduce((numbersSoFar, event) => withNumber(numbersSoFar, event), before.recorded);
  const all = [...before.waiting, ...events];
  const dropped = overflowOf(all, most);
  return { ...before, recorded, waiting: all.slice(dropped), ...(dropped > 0 && { lossReason: 'OutboxFull' }) };
}

/** Removes the events that every receiver has, up to these numbers. */
export function acknowledge(before: Outbox, through: Numbers): Outbox {
  const delivered = highest(before.delivered, lowest(through, before.recorded));
  return { ...before, delivered, waiting: before.waiting.filter((event) => event.number > numberOf(delivered, event.type)) };
}

/** The next batch for a receiver that has all events up to `has`. */
export function dueFor({ recorded, waiting, lossReason = 'OutboxFull' }: Outbox, committed: Numbers, has: Numbers): Batch {
  const losses = (['crossing', 'gap'] as const).flatMap((of): Loss[] => {
    const lostThrough = (waiting.find(({ type }) => type === of)?.number ?? numberOf(recorded, of) + 1) - 1;
    const [first, last] = [numberOf(has, of) + 1, Math.min(lostThrough, numberOf(committed, of))];
    return first <= last ? [{ type: 'loss', of, first, last, reason: lossReason }] : [];
  });
  const isDue = ({ type, number }: WaitingEvent) => number > numberOf(has, type) && number <= numberOf(committed, type);
  const events = [...losses, ...waiting.filter(isDue)].slice(0, BATCH);
  return { events, through: events.reduce((numbersSoFar, event) => withNumber(numbersSoFar, event), has) };
}

export function waitingFor({ recorded }: Outbox, has: Numbers): number {
  return recorded.crossings - has.crossings + recorded.gaps - has.gaps;
}

export function lowest(one: Numbers, other: Numbers): Numbers {
  return { crossings: Math.min(one.crossings, other.crossings), gaps: Math.min(one.gaps, other.gaps) };
}

function highest(one: Numbers, other: Numbers): Numbers {
  return { crossings: Math.max(one.crossings, other.crossings), gaps: Math.max(one.gaps, other.gaps) };
}

function numberOf(of: Numbers, type: WaitingEvent['type']): number {
  return type === 'crossing' ? of.crossings : of.gaps;
}

function withNumber(before: Numbers, event: WaitingEvent | Loss): Numbers {
  const [kind, number] = event.type === 'loss' ? [event.of, event.last] : [event.type, event.number];
  return kind === 'crossing' ? { ...before, crossings: number } : { ...before, gaps: number };
}

/** How many of the oldest events have no room. */
function overflowOf(events: readonly WaitingEvent[], most: number): number {
  let dropped = Math.max(0, events.length - most);
  // An event has at most a thousand characters: fewer events than this fit in any case.
  if (events.length < MOST_CHARACTERS / 1024) return dropped;
  const lengths = events.map((event) => JSON.stringify(event).length);
  let characters = lengths.slice(dropped).reduce((sum, length) => sum + length, 0);
  for (; characters > MOST_CHARACTERS; dropped += 1) characters -= lengths[dropped]!;
  return dropped;
}
