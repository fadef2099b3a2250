/** Makes events from the outcome of a step. */
import type { Crossing, Gap, Loss, StreamEvent, WaitingEvent } from '#crds/events.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { NumberedGap, Outcome } from '../analysis/analysis.ts';
import type { CrossingEvent } from '../counting/counter.ts';
import { pascalCase } from '../ledger/stream-state.ts';

/** Converts the presentation times of a session to wall-clock times. */
export interface SessionClock {
  /** Unix time at presentation time 0. */
  readonly startMicros: number;
  /** The source is a recording: its events have no wall-clock time, so the same file gives the same events. */
  readonly recorded: boolean;
}

/** A crossing that is counted this long after it happened is marked late. */
const LATE_SECONDS = 60;

/** In the order in which they were counted. @param nowMicros Unix time. */
export function eventsOf({ crossings, gap }: Outcome, clock: SessionClock, nowMicros: number): WaitingEvent[] {
  return [...(gap ? [gapEvent(gap, clock)] : []), ...crossings.map((crossing) => crossingEvent(crossing, clock, nowMicros))];
}

function crossingEvent(crossing: CrossingEvent, clock: SessionClock, nowMicros: number): Crossing {
  const event: Crossing = { type: 'crossing', ...crossing };
  if (clock.recorded) return event;
  const atMicros = clock.startMicros + crossing.time * 1e6;
  return { ...event, at: timeOf(atMicros), ...(nowMicros - atMicros > LATE_SECONDS * 1e6 && { late: true }) };
}

function gapEvent({ number, fromMicros, toMicros, reason, accessUnits }: NumberedGap, { startMicros, recorded }: SessionClock): Gap {
  const event: Gap = { type: 'gap', number, from: seconds(fromMicros), to: seconds(toMicros), reason: pascalCase(reason), accessUnits };
  return recorded ? event : { ...event, fromAt: timeOf(startMicros + fromMicros), toAt: timeOf(startMicros + toMicros) };
}

/** The event in the form that receivers get: with its stream and its id. */
export function toStreamEvent({ namespace, name, uid }: StreamName, event: WaitingEvent | Loss): StreamEvent {
  // The fields that a person reads first come first in a line.
  const of = { namespace, stream: name };
  if (event.type === 'loss') return { ...of, ...event, id: `${uid}/loss/${event.of}/${event.first}-${event.last}` };
  return { ...of, ...event, id: `${uid}/${event.type}/${event.number}` };
}

function timeOf(micros: number): string {
  return new Date(micros / 1000).toISOString();
}

function seconds(micros: number): number {
  return Math.round(micros / 1000) / 1000;
}
