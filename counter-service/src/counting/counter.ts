/**
 * The counts of one camera: crossings of lines and people in zones.
 *
 * The state is plain JSON, so that a checkpoint holds it and a restored counter goes on exactly as the old one would
 * have. Invariants: `in` and `out`, of the camera and of each line, never fall; `inside` is never negative; what is
 * remembered of a track is forgotten in the first step without that track.
 */
import type { Track } from '../tracking/track.ts';
import type { Crossing, Direction, Side } from './crossings.ts';
import { crossingsOf } from './crossings.ts';
import type { Layout, LineSpec, Place, ZoneSpec } from './layout.ts';
import { toPixels } from './layout.ts';
import type { Presence } from './zones.ts';
import { occupantsOf } from './zones.ts';

export interface LineCounts {
  readonly name: string;
  readonly in: number;
  readonly out: number;
}

export interface ZoneCounts {
  readonly name: string;
  readonly occupancy: number;
}

/** Over all lines since the resource began. */
export interface Totals {
  readonly in: number;
  readonly out: number;
  /** In less out, but never below 0: somebody who was there before the first count and leaves must not hide a later visitor. */
  readonly inside: number;
  /** Those of the spec, in its order; then removed ones, the latest first. */
  readonly lines: readonly LineCounts[];
}

export interface LineState extends LineCounts {
  readonly from: Place;
  readonly to: Place;
  readonly sides: readonly Side[];
}

export interface ZoneState {
  readonly name: string;
  readonly polygon: readonly Place[];
  readonly present: readonly Presence[];
}

export interface CounterState {
  readonly in: number;
  readonly out: number;
  readonly inside: number;
  readonly lines: readonly LineState[];
  /** Totals of removed lines, the latest first: one that comes back under its name goes on. Absent when there are none. */
  readonly former?: readonly LineCounts[];
  readonly zones: readonly ZoneState[];
}

export interface CrossingEvent {
  readonly line: string;
  readonly direction: Direction;
  readonly time: number;
  readonly frame: number;
  readonly track: number;
}

/** When the tracks were seen: seconds of presentation time, and the number by which the caller knows the frame. */
export interface Moment {
  readonly time: number;
  readonly frame: number;
}

export const nothingCounted: Totals = { in: 0, out: 0, inside: 0, lines: [] };

/** As many as a status holds: beyond it, the lines that were removed first are forgotten. */
const mostLines = 64;

/** A counter that has seen nobody yet and goes on from `totals`. */
export function createCounter(layout: Layout, totals: Totals = nothingCounted): CounterState {
  const known = new Map(totals.lines.map((line) => [line.name, line]));
  const former = formerLines(totals.lines, layout);
  return {
    in: totals.in,
    out: totals.out,
    inside: totals.inside,
    lines: layout.lines.map((line) => ({
      name: line.name,
      in: known.get(line.name)?.in ?? 0,
      out: known.get(line.name)?.out ?? 0,
      ...endsOf(line, layout),
      sides: [],
    })),
    ...(former.length > 0 && { former }),
    zones: layout.zones.map((zone) => ({ name: zone.name, polygon: cornersOf(zone, layout), present: [] })),
  };
}

/**
 * The counter after an edit of the spec or a change of picture size. A line or zone is known by its name and keeps its
 * totals; where it was moved, it forgets who stood where.
 */
export function changeLayout(state: CounterState, layout: Layout): CounterState {
  const oldLines = new Map(state.lines.map((line) => [line.name, line]));
  const oldZones = new Map(state.zones.map((zone) => [zone.name, zone]));
  const fresh = createCounter(layout, totalsOf(state));
  return {
    ...fresh,
    lines: fresh.lines.map((line) => {
      const old = oldLines.get(line.name);
      return old !== undefined && samePlaces([old.from, old.to], [line.from, line.to]) ? old : line;
    }),
    zones: fresh.zones.map((zone) => {
      const old = oldZones.get(zone.name);
      return old !== undefined && samePlaces(old.polygon, zone.polygon) ? old : zone;
    }),
  };
}

/** Nobody is known to be anywhere: their tracks have ended. */
export function loseSight(state: CounterState): CounterState {
  return {
    ...state,
    lines: state.lines.map((line) => ({ ...line, sides: [] })),
    zones: state.zones.map((zone) => ({ ...zone, present: [] })),
  };
}

/** Counts one frame. `tracks` are all live tracks in rising order of id, those not seen in this frame too. */
export function countStep(
  state: CounterState,
  tracks: readonly Track[],
  moment: Moment,
): { state: CounterState; events: CrossingEvent[]; zones: ZoneCounts[] } {
  const events: CrossingEvent[] = [];
  const lines = state.lines.map((line) => {
    const { sides, crossings } = crossingsOf(line.from, line.to, line.sides, tracks);
    events.push(...crossings.map((crossing) => ({ line: line.name, direction: crossing.direction, ...moment, track: crossing.track })));
    return { ...line, in: line.in + count(crossings, 'in'), out: line.out + count(crossings, 'out'), sides };
  });
  const zones = state.zones.map((zone) => ({ ...zone, present: occupantsOf(zone.polygon, zone.present, tracks, moment.time) }));
  const next = { ...state, ...totalsAfter(state, events), lines, zones };
  return { state: next, events, zones: zoneCounts(next) };
}

/** The totals as the resource's status shows them. */
export function totalsOf({ in: entered, out, inside, lines, former = [] }: CounterState): Totals {
  return { in: entered, out, inside, lines: [...lines, ...former].map((line) => ({ name: line.name, in: line.in, out: line.out })) };
}

export function zoneCounts(state: CounterState): ZoneCounts[] {
  return state.zones.map((zone) => ({ name: zone.name, occupancy: zone.present.length }));
}

/** What was never crossed has nothing to go on from. */
function formerLines(lines: readonly LineCounts[], layout: Layout): LineCounts[] {
  const wanted = new Set(layout.lines.map((line) => line.name));
  const former = lines.filter((line) => !wanted.has(line.name) && line.in + line.out > 0);
  return former.slice(0, mostLines - layout.lines.length).map((line) => ({ name: line.name, in: line.in, out: line.out }));
}

function totalsAfter(state: CounterState, events: readonly CrossingEvent[]): Pick<CounterState, 'in' | 'out' | 'inside'> {
  let inside = state.inside;
  for (const event of events) inside = Math.max(0, inside + (event.direction === 'in' ? 1 : -1));
  return { in: state.in + count(events, 'in'), out: state.out + count(events, 'out'), inside };
}

function count(crossings: readonly Pick<Crossing, 'direction'>[], direction: Direction): number {
  return crossings.filter((crossing) => crossing.direction === direction).length;
}

function endsOf(line: LineSpec, layout: Layout): { from: Place; to: Place } {
  return { from: toPixels(line.from, layout.picture), to: toPixels(line.to, layout.picture) };
}

function cornersOf(zone: ZoneSpec, layout: Layout): Place[] {
  return zone.polygon.map((corner) => toPixels(corner, layout.picture));
}

function samePlaces(one: readonly Place[], other: readonly Place[]): boolean {
  return one.length === other.length && one.every((place, index) => place.x === other[index]?.x && place.y === other[index]?.y);
}
