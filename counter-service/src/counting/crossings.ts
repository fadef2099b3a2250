/**
 * Crossings of a line.
 *
 * A track is on a side of a line once its foot point is clearly there: further from the endless line than
 * max(4 px, 0.1 x box height). Nearer to the line it keeps its last side, so that the tremble of a person who stands on
 * the line is not counted. A crossing is two clear places on different sides, one after the other, whose midpoint lies
 * between the line's ends; a person who walks around an end changes sides without a crossing.
 *
 * Invariant: one side is kept for each live track and line, and is dropped with its track.
 */
import * as z from 'zod';
import type { Track } from '../tracking/track.ts';
import { footPoint } from '../tracking/box.ts';
import { liesBetweenEnds, signedDistance } from './geometry.ts';
import type { Place } from './layout.ts';

export const directionSchema = z.enum(['in', 'out']);
export type Direction = z.infer<typeof directionSchema>;

/** The last clear place of a track beside a line; `side` is the direction of a crossing that ends on this side. */
export const sideSchema = z.object({
  track: z.int().min(0),
  side: directionSchema,
  x: z.number(),
  y: z.number(),
  /** The track's latest change of sides: counted, or around an end of the line. Absent before the first. */
  change: z.enum(['counted', 'aroundEnd']).optional(),
});
export type Side = Readonly<z.infer<typeof sideSchema>>;

export interface Crossing {
  readonly track: number;
  readonly direction: Direction;
}

/** The sides after this frame, and its crossings, in the order of the tracks. */
export function crossingsOf(
  from: Place,
  to: Place,
  before: readonly Side[],
  tracks: readonly Track[],
): { sides: Side[]; crossings: Crossing[] } {
  const known = new Map(before.map((side) => [side.track, side]));
  const sides: Side[] = [];
  const crossings: Crossing[] = [];
  for (const track of tracks) {
    const old = known.get(track.id);
    const now = clearSide(from, to, track);
    // An unconfirmed track may be a shadow: it keeps its first side, and is judged once it is confirmed.
    if (now === undefined || (old !== undefined && !track.confirmed)) {
      if (old !== undefined) sides.push(old);
      continue;
    }
    if (old === undefined || old.side === now.side) {
      sides.push(old?.change === undefined ? now : { ...now, change: old.change });
      continue;
    }
    const middle = { x: (old.x + now.x) / 2, y: (old.y + now.y) / 2 };
    const isCrossing = liesBetweenEnds(from, to, middle);
    sides.push({ ...now, change: isCrossing ? 'counted' : 'aroundEnd' });
    if (isCrossing) crossings.push({ track: track.id, direction: now.side });
  }
  return { sides, crossings };
}

/** How far a foot point must be from a line or border to be clearly off it, in pixels. */
export function clearance(track: Track): number {
  return Math.max(4, 0.1 * (track.box.bottom - track.box.top));
}

/** Undefined for a track on the line, and for one without a detection in this frame: a predicted place proves nothing. */
function clearSide(from: Place, to: Place, track: Track): Side | undefined {
  if (!track.matched) return undefined;
  const foot = footPoint(track.box);
  const distance = signedDistance(from, to, foot);
  if (Math.abs(distance) <= clearance(track)) return undefined;
  return { track: track.id, side: distance > 0 ? 'in' : 'out', x: foot.x, y: foot.y };
}
