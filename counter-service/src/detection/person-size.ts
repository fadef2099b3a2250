import * as z from 'zod';
import type { Detection } from './detection.ts';
import type { Rectangle, Size } from './plan.ts';

const BANDS = 16;

const bandSchema = z.object({
  count: z.int().min(0),
  /** Running median of box heights, pixels of the source picture. */
  height: z.number(),
});

/**
 * The height of people in the picture, by the position of their feet: under a camera that looks down on a floor, people
 * are taller the lower their feet are in the picture. Learned from detections, as one running median for each of 16 bands
 * of the picture. Plain JSON, part of the state that a checkpoint restores.
 */
export const personSizeSchema = z.object({ bands: z.array(bandSchema).length(BANDS).readonly() });
export type PersonSize = Readonly<z.infer<typeof personSizeSchema>>;
type Band = Readonly<z.infer<typeof bandSchema>>;

/** A score from which the tracker, too, takes a detection for a person. */
const SURE_SCORE = 0.4;
/** A band counts once it has this many boxes: about 2 s of one person. */
const ENOUGH_IN_BAND = 20;
const ENOUGH_IN_ALL = 200;

export const NO_PERSON_SIZE: PersonSize = { bands: Array.from({ length: BANDS }, () => ({ count: 0, height: 0 })) };

/** @param view.seen the part of the picture that was analysed; boxes cut by its edge are left out. */
export function learnPersonSize(known: PersonSize, detections: readonly Detection[], view: { picture: Size; seen: Rectangle }): PersonSize {
  const bands = [...known.bands];
  for (const box of detections) {
    if (box.score < SURE_SCORE || cut(box, view.seen)) continue;
    const index = Math.min(BANDS - 1, Math.floor((box.bottom / view.picture.height) * BANDS));
    const band = bands[index];
    if (band !== undefined) bands[index] = stepTowards(band, box.bottom - box.top);
  }
  return { bands };
}

function cut(box: Detection, seen: Rectangle): boolean {
  const edge = 2;
  return (
    box.top < seen.top + edge ||
    box.bottom > seen.top + seen.height - edge ||
    box.left < seen.left + edge ||
    box.right > seen.left + seen.width - edge
  );
}

/** Stochastic approximation of the median (Robbins and Monro): a step up or down, shorter with each sample but never under 1 %. */
function stepTowards({ count, height }: Band, sample: number): Band {
  if (count === 0) return { count: 1, height: sample };
  const step = height * Math.max(0.5 / (count + 1), 0.01);
  const moved = Math.abs(sample - height) <= step ? sample : height + Math.sign(sample - height) * step;
  return { count: count + 1, height: moved };
}

/**
 * Height in pixels as a function of the feet's y in pixels: the straight line through the bands with the least sum of
 * weighted absolute differences (reweighted least squares), because on level ground height is linear in y. Undefined
 * until there are enough boxes.
 */
export function heightAt(size: PersonSize, picture: Size): ((y: number) => number) | undefined {
  const points = size.bands
    .map((band, index) => ({
      y: ((index + 0.5) / BANDS) * picture.height,
      height: band.height,
      weight: Math.min(band.count, 200),
      count: band.count,
    }))
    .filter((point) => point.count >= ENOUGH_IN_BAND);
  const seen = points.reduce((sum, point) => sum + point.count, 0);
  if (seen < ENOUGH_IN_ALL || points.length === 0) return undefined;
  const heights = points.map((point) => point.height);
  const [least, most] = [Math.min(...heights), Math.max(...heights)];
  const line = fitLine(points);
  // Outside the observed range the line is a guess, limited to a third beyond it.
  return (y) => Math.min(Math.max(line(y), least * 0.67), most * 1.33);
}

interface WeightedPoint {
  readonly y: number;
  readonly height: number;
  readonly weight: number;
}

function fitLine(points: readonly WeightedPoint[]): (y: number) => number {
  let line = leastSquares(points);
  for (let round = 0; round < 5; round++) {
    const current = line;
    line = leastSquares(
      points.map((point) => ({ ...point, weight: point.weight / Math.max(Math.abs(point.height - current(point.y)), 1) })),
    );
  }
  return line;
}

function leastSquares(points: readonly WeightedPoint[]): (y: number) => number {
  const total = points.reduce((sum, { weight }) => sum + weight, 0);
  const meanY = points.reduce((sum, { y, weight }) => sum + y * weight, 0) / total;
  const meanHeight = points.reduce((sum, { height, weight }) => sum + height * weight, 0) / total;
  const spread = points.reduce((sum, { y, weight }) => sum + weight * (y - meanY) ** 2, 0);
  const joint = points.reduce((sum, { y, height, weight }) => sum + weight * (y - meanY) * (height - meanHeight), 0);
  const slope = spread > 0 ? joint / spread : 0;
  return (y) => meanHeight + slope * (y - meanY);
}
