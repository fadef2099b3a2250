/**
 * Whether the picture says anything: frozen, black, white, covered and out of focus are told by the measures of its pixels.
 *
 *   usable ──a suspicious frame──▶ suspected ──for SUSPECTED_SECONDS──▶ unusable
 *      ◀────────────a frame of another kind, or a usable one────────────────┘
 *
 * The time of a suspicion is neither observed nor doubtful until it is decided, so neither total falls. Plain JSON, part of
 * the state that a checkpoint restores, and a function of presentation times and pixels alone.
 */
import * as z from 'zod';
import { COLUMNS, type PictureMeasure, ROWS } from './measure.ts';

export const PictureReason = {
  Frozen: 'PictureFrozen',
  Black: 'PictureBlack',
  White: 'PictureWhite',
  /** One even surface, neither black nor white. */
  Covered: 'PictureCovered',
  OutOfFocus: 'PictureOutOfFocus',
} as const;
export type PictureReason = (typeof PictureReason)[keyof typeof PictureReason];

/** Longer than the distance of keyframes of most cameras (1 to 10 s): even a still scene was coded anew in it. */
export const SUSPECTED_SECONDS = 20;
/** Levels by which a sample of a live picture differs from the reference, and the samples that must. */
const CHANGED_LEVELS = 2;
const STILL_SAMPLES = 1;
/** A clock that the camera draws at the top or bottom still runs in a frozen picture: as many rows there are not compared. */
const OVERLAY_ROWS = 2;
/** Below both there is one even surface. Noise has steeper steps: a dark hall with a noisy sensor is no covered lens. */
const EVEN_CONTRAST = 3;
const EVEN_STEPS = { dark: 6, bright: 16 };
const DARK_MEAN = 60;
const BLACK_MEAN = 24;
const WHITE_MEAN = 235;
/** The steepest steps of a picture in focus are about as large as its contrast. */
const FOCUS_SHARE = 0.3;

const whole = z.int();
export const pictureStateSchema = z.object({
  /** The samples that later pictures are compared with, base64. */
  reference: z.string().max(1024),
  suspicion: z.object({ reason: z.enum(PictureReason), sinceMicros: whole }).optional(),
  /** Time under the suspicion that is not decided yet. */
  undecidedMicros: z.number().min(0),
});
export type PictureState = Readonly<z.infer<typeof pictureStateSchema>>;

export const NOTHING_SEEN: PictureState = { reference: '', undecidedMicros: 0 };

export interface PictureStep {
  readonly picture: PictureState;
  /** How much of the time up to this frame is decided as observed, and how much as doubtful. */
  readonly observedMicros: number;
  readonly doubtfulMicros: number;
}

export interface SeenPicture {
  readonly micros: number;
  /** Time since the last frame that was analysed without a break. */
  readonly elapsedMicros: number;
  readonly measure: PictureMeasure;
  /** People were detected, so what is not frozen is usable. */
  readonly people: boolean;
}

export function pictureStep(state: PictureState, { micros, elapsedMicros, measure, people }: SeenPicture): PictureStep {
  const still = isStill(state.reference, measure.samples);
  const reference = still ? state.reference : Buffer.from(measure.samples).toString('base64');
  const reason = people ? undefined : emptinessOf(measure);
  const kind = reason ?? (still ? PictureReason.Frozen : undefined);
  const waiting = state.undecidedMicros + elapsedMicros;
  if (kind === undefined) return { picture: { reference, undecidedMicros: 0 }, observedMicros: waiting, doubtfulMicros: 0 };
  // A still picture that turns black is black from then on; the time before stays under suspicion.
  const sinceMicros = state.suspicion?.sinceMicros ?? micros - elapsedMicros;
  const suspicion = { reason: kind, sinceMicros };
  if (!isDecided(suspicion, micros))
    return { picture: { reference, suspicion, undecidedMicros: waiting }, observedMicros: 0, doubtfulMicros: 0 };
  return { picture: { reference, suspicion, undecidedMicros: 0 }, observedMicros: 0, doubtfulMicros: waiting };
}

/** The picture's suspicion, once it has lasted long enough to be said. */
export function unusableSince({ suspicion }: PictureState, micros: number): PictureState['suspicion'] {
  return suspicion !== undefined && isDecided(suspicion, micros) ? suspicion : undefined;
}

function isDecided({ sinceMicros }: { readonly sinceMicros: number }, micros: number): boolean {
  return micros - sinceMicros >= SUSPECTED_SECONDS * 1e6;
}

function emptinessOf({ mean, contrast, steepest }: PictureMeasure): PictureReason | undefined {
  if (contrast >= EVEN_CONTRAST) return steepest < contrast * FOCUS_SHARE ? PictureReason.OutOfFocus : undefined;
  if (steepest >= (mean < DARK_MEAN ? EVEN_STEPS.dark : EVEN_STEPS.bright)) return undefined;
  if (mean < BLACK_MEAN) return PictureReason.Black;
  return mean > WHITE_MEAN ? PictureReason.White : PictureReason.Covered;
}

function isStill(reference: string, samples: Uint8Array): boolean {
  if (reference === '') return false;
  const before = Buffer.from(reference, 'base64');
  let changed = 0;
  for (let index = OVERLAY_ROWS * COLUMNS; index < (ROWS - OVERLAY_ROWS) * COLUMNS; index += 1) {
    if (Math.abs(samples[index]! - (before[index] ?? 0)) > CHANGED_LEVELS) changed += 1;
  }
  return changed <= STILL_SAMPLES;
}
