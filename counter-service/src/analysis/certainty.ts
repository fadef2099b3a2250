/**
 * Whether the model knows what it sees. In a view that it does not know, most boxes that move through the picture score too low
 * to count as people. Once a second the boxes are compared with those of one and two seconds before: what overlaps none of them
 * has moved there, and is no background that resembles a person. Figures: docs/decisions/region-and-detection.md.
 */
import * as z from 'zod';
import type { CameraStreamSpec } from '#crds/schema.ts';
import type { Detection } from '../detection/detection.ts';
import { overlap } from '../detection/nms.ts';
import { scoreOf } from '../detection/views.ts';
import { containment } from '../tracking/box.ts';

const SAMPLE_MICROS = 1e6;
/** Samples further apart show nothing of what has moved. */
const APART_MICROS = 3e6;
const REMEMBERED = 2;
const MOST_BOXES = 100;
/** About five minutes; then older samples count half. */
const MOST_SAMPLES = 300;

const SAME_PLACE = 0.3;
/** Of the score of a person. Lower ones are everywhere. */
const DOUBTFUL_SCORE = 4 / 7;
/** What lies in or around the box of a person is a part of them, or of a pair. */
const PART = 0.1;

const ENOUGH_DOUBTFUL = 20;
/** A flicker in a quiet hall gives less. */
const ENOUGH_PER_SAMPLE = 0.2;
const ENOUGH_SHARE = 0.4;

const boxSchema = z.object({ left: z.int(), top: z.int(), right: z.int(), bottom: z.int() });

export const certaintySchema = z.object({
  samples: z.number().min(0),
  /** Boxes that have moved, in all samples. */
  sure: z.number().min(0),
  doubtful: z.number().min(0),
  sampledMicros: z.int(),
  /** All boxes of the last samples, the newest first, in pixels of the source picture. */
  before: z.array(z.array(boxSchema).max(MOST_BOXES).readonly()).max(REMEMBERED).readonly(),
});
export type Certainty = Readonly<z.infer<typeof certaintySchema>>;

export const NO_CERTAINTY: Certainty = { samples: 0, sure: 0, doubtful: 0, sampledMicros: 0, before: [] };

/** @param detections best first, each person once. */
export function certaintyAfter(
  state: Certainty,
  detections: readonly Detection[],
  micros: number,
  spec: Pick<CameraStreamSpec['detection'], 'view' | 'scorePermille'>,
): Certainty {
  const elapsed = micros - state.sampledMicros;
  if (elapsed >= 0 && elapsed < SAMPLE_MICROS) return state;
  const before = elapsed >= 0 && elapsed <= APART_MICROS ? state.before : [];
  const seen = detections.slice(0, MOST_BOXES);
  const remembered = { sampledMicros: micros, before: [seen.map(rounded), ...before].slice(0, REMEMBERED) };
  if (before.length < REMEMBERED) return { ...state, ...remembered };
  const score = scoreOf(spec);
  const people = seen.filter((box) => box.score >= score);
  const doubts = seen.filter(
    (box) => box.score < score && box.score >= score * DOUBTFUL_SCORE && people.every((person) => containment(person, box) <= PART),
  );
  const hasMoved = (box: Detection) => before.every((boxes) => boxes.every((other) => overlap({ ...other, score: 0 }, box) < SAME_PLACE));
  const share = state.samples < MOST_SAMPLES ? 1 : 0.5;
  return {
    samples: state.samples * share + 1,
    sure: state.sure * share + people.filter(hasMoved).length,
    doubtful: state.doubtful * share + doubts.filter(hasMoved).length,
    ...remembered,
  };
}

/** Why the model is taken not to know the view, or undefined. */
export function findDoubtfulDetection(
  { samples, sure, doubtful }: Certainty,
  { view }: Pick<CameraStreamSpec['detection'], 'view'>,
): { readonly reason: 'UncertainBoxes'; readonly message: string } | undefined {
  const all = sure + doubtful;
  if (doubtful < ENOUGH_DOUBTFUL || doubtful < samples * ENOUGH_PER_SAMPLE || doubtful < all * ENOUGH_SHARE) return undefined;
  const figures = `Of ${Math.round(all)} boxes that moved through the picture, ${Math.round(doubtful)} are too uncertain to count as people: the model does not know this view well.`;
  const advice =
    view === 'Above'
      ? 'Use a model that does.'
      : 'If the camera looks straight down, set detection.view to Above; otherwise use a model that does.';
  return { reason: 'UncertainBoxes', message: `${figures} ${advice}` };
}

function rounded({ left, top, right, bottom }: Detection) {
  return { left: Math.round(left), top: Math.round(top), right: Math.round(right), bottom: Math.round(bottom) };
}
