/**
 * Who is in a zone.
 *
 * A confirmed track enters when its foot point lies in the polygon and leaves when it is clearly outside (the same
 * clearance as at a line), so that nobody on the border flickers. A track that is not seen for a moment stays where it
 * last was; after `patienceSeconds` it no longer counts, though it may still be found again.
 */
import { footPoint } from '../tracking/box.ts';
import type { Track } from '../tracking/track.ts';
import { clearance } from './crossings.ts';
import { contains, distanceToBorder } from './geometry.ts';
import type { Place } from './layout.ts';

/** A track in a zone, and when it was last seen there, in seconds of presentation time. */
export interface Presence {
  readonly track: number;
  readonly seenAt: number;
}

const patienceSeconds = 1;

export function occupantsOf(polygon: readonly Place[], before: readonly Presence[], tracks: readonly Track[], time: number): Presence[] {
  const known = new Map(before.map((presence) => [presence.track, presence]));
  const present: Presence[] = [];
  for (const track of tracks) {
    const old = known.get(track.id);
    if (!track.matched) {
      if (old !== undefined && time - old.seenAt <= patienceSeconds) present.push(old);
    } else if (track.confirmed && isPresent(polygon, track, old !== undefined)) {
      present.push({ track: track.id, seenAt: time });
    }
  }
  return present;
}

function isPresent(polygon: readonly Place[], track: Track, wasPresent: boolean): boolean {
  const foot = footPoint(track.box);
  return contains(polygon, foot) || (wasPresent && distanceToBorder(polygon, foot) <= clearance(track));
}
