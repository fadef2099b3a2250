/**
 * The people in a zone.
 *
 * A confirmed track enters when its foot point lies in the polygon and leaves when it is clearly outside (the same
 * clearance as at a line), so that a person on the border does not flicker. A track that is not seen for a moment stays
 * in the zone; after `patienceSeconds` it leaves, though the tracker may still find it again.
 */
import * as z from 'zod';
import { footPoint } from '../tracking/box.ts';
import type { Track } from '../tracking/track.ts';
import { clearance } from './crossings.ts';
import { contains, distanceToBorder } from './geometry.ts';
import type { Place } from './layout.ts';

/** A track in a zone. Times are seconds of presentation time. */
export const presenceSchema = z.object({
  track: z.int().min(0),
  enteredAt: z.number(),
  /** When it was last seen there. */
  seenAt: z.number(),
});
export type Presence = Readonly<z.infer<typeof presenceSchema>>;

/** A visit of a zone that has ended. Times are seconds of presentation time. */
export interface Visit {
  readonly zone: string;
  readonly track: number;
  readonly enteredAt: number;
  readonly leftAt: number;
}

const patienceSeconds = 1;

export function occupantsOf(polygon: readonly Place[], before: readonly Presence[], tracks: readonly Track[], time: number): Presence[] {
  const known = new Map(before.map((old) => [old.track, old]));
  const present: Presence[] = [];
  for (const track of tracks) {
    const old = known.get(track.id);
    if (!track.matched) {
      if (old !== undefined && time - old.seenAt <= patienceSeconds) present.push(old);
    } else if (track.confirmed && isPresent(polygon, track, old !== undefined)) {
      present.push({ track: track.id, enteredAt: old?.enteredAt ?? time, seenAt: time });
    }
  }
  return present;
}

/** The visits that ended between `before` and `now`. */
export function visitsOf(zone: string, before: readonly Presence[], now: readonly Presence[]): Visit[] {
  const present = new Set(now.map(({ track }) => track));
  return before
    .filter(({ track }) => !present.has(track))
    .map(({ track, enteredAt, seenAt }) => ({ zone, track, enteredAt, leftAt: seenAt }));
}

function isPresent(polygon: readonly Place[], track: Track, wasPresent: boolean): boolean {
  const foot = footPoint(track.box);
  return contains(polygon, foot) || (wasPresent && distanceToBorder(polygon, foot) <= clearance(track));
}
