/**
 * Plans which part of the picture is analysed: the whole picture until the size of people is known, then the region that
 * the lines and zones need. The plan is made anew at intervals that double from PLAN_FIRST_MICROS on: early ones because
 * the first frames teach most, later ones because a camera may be moved.
 */
import * as z from 'zod';
import type { CameraStreamSpec } from '#crds/schema.ts';
import { Refused } from '../refusal.ts';
import type { Detection } from './detection.ts';
import type { ModelInput } from './manifest.ts';
import { learnPersonSize, NO_PERSON_SIZE, personSizeSchema } from './person-size.ts';
import { fullPicturePlan, planSchema, sizeSchema, type Size } from './plan.ts';
import { type Areas, planRegion } from './region.ts';

const PLAN_FIRST_MICROS = 4e6;
const PLAN_SELDOM_MICROS = 600e6;

export interface RegionScope extends Areas {
  readonly picture: Size;
  readonly input: ModelInput;
  readonly region: CameraStreamSpec['detection']['region'];
}

export const regionStateSchema = z.object({
  /** A key of the scope that the plan was made for; it contains the lines and zones of the whole spec. */
  scope: z.string().max(64 * 1024),
  picture: sizeSchema,
  plan: planSchema,
  people: personSizeSchema,
  /** Presentation time since which this scope is looked at. */
  sinceMicros: z.int(),
  /** From this presentation time on, the next frame makes a new plan. */
  nextPlanMicros: z.int(),
});
export type RegionState = Readonly<z.infer<typeof regionStateSchema>>;

export function startRegion(scope: RegionScope, nowMicros: number): RegionState {
  const { picture, input } = scope;
  return {
    scope: scopeKey(scope),
    picture,
    plan: fullPicturePlan(picture, input),
    people: NO_PERSON_SIZE,
    sinceMicros: nowMicros,
    nextPlanMicros: nowMicros + PLAN_FIRST_MICROS,
  };
}

/** The state for a scope that may have changed: after an edit of the spec, another model or resolution, the whole picture comes first. */
export function resumeRegion(state: RegionState, scope: RegionScope, nowMicros: number): RegionState {
  if (state.scope === scopeKey(scope)) return state;
  const fresh = startRegion(scope, nowMicros);
  // The size of people depends on the camera alone.
  return samePicture(state, scope) ? { ...fresh, people: state.people } : fresh;
}

function scopeKey({ lines, zones, region, input, picture }: RegionScope): string {
  return JSON.stringify({ lines, zones, region, input, picture });
}

/** Learns from a frame, and makes a new plan when it is due. The plan stays the same object unless it has changed. */
export function planNextRegion(state: RegionState, scope: RegionScope, detections: readonly Detection[], micros: number): RegionState {
  if (scope.region === 'full') return state;
  const people = learnPersonSize(state.people, detections, { picture: scope.picture, seen: state.plan.crop });
  if (micros < state.nextPlanMicros) return { ...state, people };
  const planned = planRegion(scope, scope.picture, scope.input, people);
  const isSame = JSON.stringify(planned) === JSON.stringify(state.plan);
  return {
    ...state,
    plan: isSame ? state.plan : planned,
    people,
    nextPlanMicros: micros + Math.min(micros - state.sinceMicros, PLAN_SELDOM_MICROS),
  };
}

function samePicture(state: RegionState, { picture }: RegionScope): boolean {
  return state.picture.width === picture.width && state.picture.height === picture.height;
}

/**
 * Checks the plan of a restored checkpoint against picture and model. A checkpoint for another picture or model has been
 * given a new plan before. @throws Refused INVALID.
 */
export function requirePossiblePlan({ picture: source, plan: { crop, picture, input: padded } }: RegionState, input: ModelInput): void {
  const { multiple = 1 } = input;
  const fits = (inner: Size, outer: Size) =>
    inner.width > 0 && inner.height > 0 && inner.width <= outer.width && inner.height <= outer.height;
  const isWhole = padded.width % multiple === 0 && padded.height % multiple === 0;
  const isInside = fits(crop, source) && fits({ width: crop.left + crop.width, height: crop.top + crop.height }, source);
  if (isInside && fits(picture, padded) && fits(padded, input) && isWhole) return;
  throw new Refused('INVALID', 'The checkpoint has a plan that does not fit the picture and the model.');
}
