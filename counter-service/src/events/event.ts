/** From what was counted to the events that tell of it. */
import type { Crossing, Gap, Loss, StreamEvent, WaitingEvent } from '#crds/events.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { NumberedGap, Outcome } from '../analysis/analysis.ts';
import type { CrossingEvent } from '../counting/counter.ts';
import { pascalCase } from '../ledger/stream-state.ts';

/** How the times of a session become times of the clock. */
export interface SessionClock {
  /** Unix time at presentation time 0. */
  readonly startMicros: number;
  /** A recording has no clock: its events have no wall-clock time, and the same file gives the same events. */
  readonly recorded: boolean;
}

/** Counted so long after it happened, a crossing is late. */
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

/** As receivers get it. */
export function addressed({ namespace, name, uid }: StreamName, event: WaitingEvent | Loss): StreamEvent {
  // The fields that a person looks for come first in a line.
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
