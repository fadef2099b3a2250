/**
 * The counts of one camera: crossings of lines and people in zones.
 *
 * The state is plain JSON: a checkpoint holds it, and a restored counter continues exactly as the old one would have.
 * Invariants: `in` and `out`, of the camera and of each line, never fall; `inside` is never negative; the state of a track
 * is dropped in the first step without that track.
 */
import * as z from 'zod';
import type { ZoneCounts as StatusZoneCounts } from '#crds/status.ts';
import type { Track } from '../tracking/track.ts';
import { type Crossing, crossingsOf, type Direction, sideSchema } from './crossings.ts';
import { type Layout, type LineSpec, type Place, placeSchema, toPixels, type ZoneSpec } from './layout.ts';
import { type Uncounted, uncountedAt } from './uncounted.ts';
import { occupantsOf, presenceSchema, type Visit, visitsOf } from './zones.ts';

/** As many as a status holds: beyond it, the lines that were removed first are dropped. */
const mostLines = 64;
const mostTracks = 256;
const name = z.string().max(128);
const total = z.int().min(0);

const lineCountsSchema = z.object({ name, in: total, out: total });

const lineStateSchema = lineCountsSchema.extend({
  from: placeSchema,
  to: placeSchema,
  sides: z.array(sideSchema).max(mostTracks).readonly(),
});

const zoneStateSchema = z.object({
  name,
  polygon: z.array(placeSchema).max(64).readonly(),
  present: z.array(presenceSchema).max(mostTracks).readonly(),
});

export const counterStateSchema = z.object({
  in: total,
  out: total,
  inside: total,
  lines: z.array(lineStateSchema).max(mostLines).readonly(),
  /** Totals of removed lines, the latest first: one that comes back under its name goes on. Absent when there are none. */
  former: z.array(lineCountsSchema).max(mostLines).readonly().optional(),
  zones: z.array(zoneStateSchema).max(mostLines).readonly(),
});

export type LineCounts = Readonly<z.infer<typeof lineCountsSchema>>;
export type CounterState = Readonly<z.infer<typeof counterStateSchema>>;

export type ZoneCounts = Readonly<StatusZoneCounts>;

/** Over all lines since the resource began. */
export interface Totals {
  readonly in: number;
  readonly out: number;
  /** In less out, but never below 0: a person who was inside before the first count and leaves must not hide a later visitor. */
  readonly inside: number;
  /** The lines of the spec in its order, then removed lines, the latest first. */
  readonly lines: readonly LineCounts[];
}

export interface CrossingEvent {
  /** In + out of the camera after the crossing: without holes, and the same however often the video is replayed. */
  readonly number: number;
  readonly line: string;
  readonly direction: Direction;
  readonly time: number;
  readonly frame: number;
  readonly track: number;
  /** The line's totals after the crossing. */
  readonly lineIn: number;
  readonly lineOut: number;
}

export interface CountResult {
  readonly state: CounterState;
  readonly crossings: readonly CrossingEvent[];
  readonly visits: readonly Visit[];
  readonly uncounted: readonly Uncounted[];
}

/** The frame that is counted: its presentation time in seconds, and the caller's number for it. */
export interface Moment {
  readonly time: number;
  readonly frame: number;
}

export const nothingCounted: Totals = { in: 0, out: 0, inside: 0, lines: [] };

/** A counter without tracks, which continues from `totals`. */
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
 * The counter after an edit of the spec or a change of picture size. A line or zone keeps its totals by its name; one that
 * was moved drops the state of its tracks.
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

/** Ends all tracks, at a gap in the video. @param open the tracks before the gap, in their last state. */
export function endTracks(state: CounterState, open: readonly Track[]): CountResult {
  return {
    state: {
      ...state,
      lines: state.lines.map((line) => ({ ...line, sides: [] })),
      zones: state.zones.map((zone) => ({ ...zone, present: [] })),
    },
    crossings: [],
    visits: state.zones.flatMap((zone) => visitsOf(zone.name, zone.present, [])),
    uncounted: state.lines.flatMap((line) => uncountedAt(line, open, true)),
  };
}

/**
 * Counts one frame.
 *
 * @param tracks all live tracks in rising order of id, including those without a detection in this frame.
 * @param ended the tracks that have ended since the last frame.
 */
export function countStep(state: CounterState, tracks: readonly Track[], ended: readonly Track[], moment: Moment): CountResult {
  const crossings: CrossingEvent[] = [];
  const lines = state.lines.map((line) => {
    const { sides, crossings: crossed } = crossingsOf(line.from, line.to, line.sides, tracks);
    let after = line;
    for (const { direction, track } of crossed) {
      after = { ...after, [direction]: after[direction] + 1 };
      const number = state.in + state.out + crossings.length + 1;
      crossings.push({ number, line: line.name, direction, ...moment, track, lineIn: after.in, lineOut: after.out });
    }
    return { ...after, sides };
  });
  const zones = state.zones.map((zone) => ({ ...zone, present: occupantsOf(zone.polygon, zone.present, tracks, moment.time) }));
  return {
    state: { ...state, ...totalsAfter(state, crossings), lines, zones },
    crossings,
    visits: zones.flatMap((zone, index) => visitsOf(zone.name, state.zones[index]!.present, zone.present)),
    uncounted: state.lines.flatMap((line) => uncountedAt(line, ended, false)),
  };
}

/** The totals in the form of the resource's status. */
export function totalsOf({ in: entered, out, inside, lines, former = [] }: CounterState): Totals {
  return { in: entered, out, inside, lines: [...lines, ...former].map((line) => ({ name: line.name, in: line.in, out: line.out })) };
}

export function zoneCounts(state: CounterState): ZoneCounts[] {
  return state.zones.map((zone) => ({ name: zone.name, occupancy: zone.present.length }));
}

/** Removed lines with totals; a line that was never crossed has nothing to continue from. */
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
