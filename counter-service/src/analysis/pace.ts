/**
 * How many pictures a second are analysed, over about the last minute, and whether they are enough to count at. What is missed
 * at which rate is measured in docs/decisions/region-and-detection.md.
 */
import * as z from 'zod';
import type { CameraStreamSpec } from '#crds/schema.ts';

export const paceSchema = z.object({
  /** Intervals between two pictures of the same footage, and the time that they last. */
  intervals: z.number().min(0),
  micros: z.number().min(0),
});
export type Pace = Readonly<z.infer<typeof paceSchema>>;

export const NO_PACE: Pace = { intervals: 0, micros: 0 };

const WINDOW_MICROS = 60e6;
/** Less is chance. */
const ENOUGH_MICROS = 4e6;
const ENOUGH_PER_SECOND = 3;
/** Cameras are a little slower than they say. */
const TOLERANCE = 0.9;

/** @param elapsedMicros since the picture before; 0 for the first of a footage. */
export function paceAfter({ intervals, micros }: Pace, elapsedMicros: number): Pace {
  if (elapsedMicros <= 0) return { intervals, micros };
  const after = { intervals: intervals + 1, micros: micros + elapsedMicros };
  return after.micros <= WINDOW_MICROS ? after : { intervals: after.intervals / 2, micros: after.micros / 2 };
}

/** Why the pictures are too few to count at, or undefined. */
export function findFewPictures(
  { intervals, micros }: Pace,
  { framesPerSecond }: Pick<CameraStreamSpec['detection'], 'framesPerSecond'>,
): { readonly reason: 'SettingTooLow' | 'CameraTooSlow'; readonly message: string } | undefined {
  const perSecond = (1e6 * intervals) / micros;
  if (micros < ENOUGH_MICROS || perSecond >= ENOUGH_PER_SECOND * TOLERANCE) return undefined;
  const missed = `At ${perSecond.toFixed(1)} pictures a second people are missed: at 2 up to a seventh of them, at 1 up to half.`;
  return framesPerSecond < ENOUGH_PER_SECOND
    ? {
        reason: 'SettingTooLow',
        message: `${missed} Set detection.framesPerSecond, which is ${framesPerSecond}, to ${ENOUGH_PER_SECOND} or more.`,
      }
    : { reason: 'CameraTooSlow', message: `${missed} Set the camera to ${ENOUGH_PER_SECOND} or more.` };
}
