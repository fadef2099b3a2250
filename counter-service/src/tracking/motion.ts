/**
 * The place and motion of a person: a Kalman filter per coordinate (R. E. Kalman, 1960), as in SORT (A. Bewley et al.,
 * ICIP 2016), whose eight-state filter never couples the coordinates either. Noise grows with the person's height,
 * because a person near the camera is larger and moves further in the picture.
 *
 * The middle of the top edge moves at a nearly constant velocity; the size only drifts. The head is the steadiest part
 * of a person in a picture, while feet are hidden by other people and legs swing: so the foot is the filtered top plus
 * the slowly filtered height. Only +, -, ×, / and comparisons, so that every machine computes the same bits.
 */
import * as z from 'zod';
import type { Box } from './box.ts';

/** A coordinate and its velocity: pixels, pixels per second, and their covariance. */
const movingSchema = z.object({
  value: z.number(),
  rate: z.number(),
  variance: z.number(),
  covariance: z.number(),
  rateVariance: z.number(),
});

/** A length that drifts: pixels. */
const driftingSchema = z.object({ value: z.number(), variance: z.number() });

export const motionSchema = z.object({ middle: movingSchema, top: movingSchema, width: driftingSchema, height: driftingSchema });

export type Moving = Readonly<z.infer<typeof movingSchema>>;
export type Drifting = Readonly<z.infer<typeof driftingSchema>>;
export type Motion = Readonly<z.infer<typeof motionSchema>>;

// Standard deviations in heights of the box. A walking person covers about one height a second and can stop or turn
// within about a second. Detectors place an edge within about a twentieth of the height, but sizes vary more, by
// stride, arms and what is hidden. Measured over 300 lines, half or double of any of these changes F1 by less than 0.01.
const positionNoise = 0.05;
const sizeNoise = 0.15;
const firstRate = 1;
/** Per second to the power of 3/2: white acceleration. */
const acceleration = 0.5;
/** Per square root of a second: random walk. */
const sizeDrift = 0.2;

/** A measurement further off than this many standard deviations means that the filter's variance was too small. */
const surpriseDeviations = 2;

export function startMotion(box: Box): Motion {
  const height = box.bottom - box.top;
  const place = { rate: 0, variance: square(positionNoise * height), covariance: 0, rateVariance: square(firstRate * height) };
  return {
    middle: { value: (box.left + box.right) / 2, ...place },
    top: { value: box.top, ...place },
    width: { value: box.right - box.left, variance: square(sizeNoise * height) },
    height: { value: height, variance: square(sizeNoise * height) },
  };
}

/** The motion `seconds` later, without a detection. */
export function predictMotion(motion: Motion, seconds: number): Motion {
  const height = motion.height.value;
  const jolt = square(acceleration * height);
  const drift = square(sizeDrift * height) * seconds;
  return {
    middle: predict(motion.middle, seconds, jolt),
    top: predict(motion.top, seconds, jolt),
    width: { value: motion.width.value, variance: motion.width.variance + drift },
    height: { value: motion.height.value, variance: motion.height.variance + drift },
  };
}

/** The motion after a detection; `doubt` scales the noise of a detection that is less certain than usual. */
export function correctMotion(motion: Motion, box: Box, doubt: number): Motion {
  const height = motion.height.value;
  const place = square(positionNoise * doubt * height);
  const size = square(sizeNoise * doubt * height);
  return {
    middle: correctMoving(motion.middle, (box.left + box.right) / 2, place),
    top: correctMoving(motion.top, box.top, place),
    width: correctDrifting(motion.width, box.right - box.left, size),
    height: correctDrifting(motion.height, box.bottom - box.top, size),
  };
}

export function boxOf(motion: Motion): Box {
  const half = motion.width.value / 2;
  return {
    left: motion.middle.value - half,
    top: motion.top.value,
    right: motion.middle.value + half,
    bottom: motion.top.value + motion.height.value,
  };
}

/** Constant velocity under white acceleration of the power `jolt` (Bar-Shalom et al., 2001, section 6.2.2). */
function predict(moving: Moving, seconds: number, jolt: number): Moving {
  return {
    value: moving.value + moving.rate * seconds,
    rate: moving.rate,
    variance:
      moving.variance + seconds * (2 * moving.covariance + seconds * moving.rateVariance) + (jolt * seconds * seconds * seconds) / 3,
    covariance: moving.covariance + seconds * moving.rateVariance + (jolt * seconds * seconds) / 2,
    rateVariance: moving.rateVariance + jolt * seconds,
  };
}

function correctMoving(moving: Moving, measured: number, noise: number): Moving {
  const innovation = measured - moving.value;
  const variance = widenedVariance(moving.variance, innovation, noise);
  const gain = variance / (variance + noise);
  const rateGain = moving.covariance / (variance + noise);
  return {
    value: moving.value + gain * innovation,
    rate: moving.rate + rateGain * innovation,
    variance: (1 - gain) * variance,
    covariance: (1 - gain) * moving.covariance,
    rateVariance: moving.rateVariance - rateGain * moving.covariance,
  };
}

function correctDrifting(drifting: Drifting, measured: number, noise: number): Drifting {
  const innovation = measured - drifting.value;
  const variance = widenedVariance(drifting.variance, innovation, noise);
  const gain = variance / (variance + noise);
  return { value: drifting.value + gain * innovation, variance: (1 - gain) * variance };
}

/**
 * The variance, widened until the innovation lies within `surpriseDeviations` standard deviations: a person who steps into
 * the picture grows from a head to a whole person within a second, and a filter that averages would put their feet in the
 * middle of the room. Adjustable noise levels: Y. Bar-Shalom, X. R. Li and T. Kirubarajan, "Estimation with Applications
 * to Tracking and Navigation", Wiley 2001, section 11.2.
 */
function widenedVariance(variance: number, innovation: number, noise: number): number {
  return Math.max(variance, square(innovation / surpriseDeviations) - noise);
}

function square(value: number): number {
  return value * value;
}
