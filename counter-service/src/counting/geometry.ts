import type { Place } from './layout.ts';

/**
 * How far `place` lies from the endless line through `from` and `to`, in pixels; positive on the right hand when
 * walking from -> to (y down). A line without length has no sides: 0.
 *
 *        to
 *        |
 *    -   |   +      "in" ends here
 *        |
 *       from
 */
export function signedDistance(from: Place, to: Place, place: Place): number {
  const along = { x: to.x - from.x, y: to.y - from.y };
  const length = Math.sqrt(along.x ** 2 + along.y ** 2);
  if (length === 0) return 0;
  return (along.x * (place.y - from.y) - along.y * (place.x - from.x)) / length;
}

/** Whether `place` seen square to the line lies between its ends. */
export function liesBetweenEnds(from: Place, to: Place, place: Place): boolean {
  const along = { x: to.x - from.x, y: to.y - from.y };
  const share = (along.x * (place.x - from.x) + along.y * (place.y - from.y)) / (along.x ** 2 + along.y ** 2);
  return share >= 0 && share <= 1;
}

/** Even-odd rule: a ray to the right leaves the polygon an odd number of times from the inside. */
export function contains(polygon: readonly Place[], place: Place): boolean {
  let inside = false;
  for (const [start, end] of edgesOf(polygon)) {
    if (start.y > place.y === end.y > place.y) continue;
    const crossesAt = start.x + ((place.y - start.y) / (end.y - start.y)) * (end.x - start.x);
    if (place.x < crossesAt) inside = !inside;
  }
  return inside;
}

/** The distance from `place` to the nearest point of the polygon's border, in pixels. */
export function distanceToBorder(polygon: readonly Place[], place: Place): number {
  let nearest = Infinity;
  for (const [start, end] of edgesOf(polygon)) nearest = Math.min(nearest, distanceToSegment(start, end, place));
  return nearest;
}

/** The distance from `place` to the nearest point between `start` and `end`, in pixels. */
export function distanceToSegment(start: Place, end: Place, place: Place): number {
  const along = { x: end.x - start.x, y: end.y - start.y };
  const squared = along.x ** 2 + along.y ** 2;
  const share = squared === 0 ? 0 : (along.x * (place.x - start.x) + along.y * (place.y - start.y)) / squared;
  const within = Math.min(1, Math.max(0, share));
  return Math.sqrt((place.x - start.x - within * along.x) ** 2 + (place.y - start.y - within * along.y) ** 2);
}

function* edgesOf(polygon: readonly Place[]): Generator<[Place, Place]> {
  for (const [index, start] of polygon.entries()) yield [start, polygon[(index + 1) % polygon.length]!];
}
