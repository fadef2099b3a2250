/**
 * Why a track that ended near a line was not counted there: the first question of an installer.
 *
 * Near means that its foot point last was within a box height of the line between its ends.
 */
import type { Track } from '../tracking/track.ts';
import { footPoint } from '../tracking/box.ts';
import { clearance, type Side } from './crossings.ts';
import { distanceToSegment, signedDistance } from './geometry.ts';
import type { Place } from './layout.ts';

export const UncountedReason = {
  /** In too few frames to be taken for a person. */
  SeenTooRarely: 'SeenTooRarely',
  /** Never clearly on one side of the line. */
  StayedOnLine: 'StayedOnLine',
  /** Came from one side, and was last seen on the line. */
  EndedOnLine: 'EndedOnLine',
  /** Changed sides around an end of the line. */
  AroundEnd: 'AroundEnd',
  /** Stayed on one side. */
  StayedOnOneSide: 'StayedOnOneSide',
  /** A gap in the video ended it. */
  HiddenByGap: 'HiddenByGap',
} as const;
export type UncountedReason = (typeof UncountedReason)[keyof typeof UncountedReason];

export interface Uncounted {
  readonly line: string;
  readonly track: number;
  readonly reason: UncountedReason;
}

interface Line {
  readonly name: string;
  readonly from: Place;
  readonly to: Place;
  readonly sides: readonly Side[];
}

/** @param ended tracks that have ended, in their last state. @param byGap whether a gap in the video ended them. */
export function uncountedAt(line: Line, ended: readonly Track[], byGap: boolean): Uncounted[] {
  if (ended.length === 0) return [];
  const sides = new Map(line.sides.map((side) => [side.track, side]));
  return ended.flatMap((track) => {
    const side = sides.get(track.id);
    if (side?.change === 'counted' || !isNear(line, track)) return [];
    return [{ line: line.name, track: track.id, reason: byGap ? UncountedReason.HiddenByGap : reasonOf(line, track, side) }];
  });
}

function reasonOf({ from, to }: Line, track: Track, side: Side | undefined): UncountedReason {
  if (!track.confirmed) return UncountedReason.SeenTooRarely;
  if (side === undefined) return UncountedReason.StayedOnLine;
  if (side.change === 'aroundEnd') return UncountedReason.AroundEnd;
  const isOnLine = Math.abs(signedDistance(from, to, footPoint(track.box))) <= clearance(track);
  return isOnLine ? UncountedReason.EndedOnLine : UncountedReason.StayedOnOneSide;
}

function isNear({ from, to }: Line, { box }: Track): boolean {
  return distanceToSegment(from, to, footPoint(box)) <= box.bottom - box.top;
}
