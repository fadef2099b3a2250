/**
 * Which part of the picture is looked at, over time: the whole one until it is known how large people are, then the
 * region that the lines and zones need. Decided anew at times that double from PLAN_FIRST_MICROS on: early ones because
 * much is learned at first, later ones because a camera may be moved.
 */
import type { CameraStreamSpec } from '#crds/schema.ts';
import type { Detection } from './detection.ts';
import type { ModelInput } from './manifest.ts';
import { learnPersonSize, NO_PERSON_SIZE, type PersonSize } from './person-size.ts';
import { fullPicturePlan, type Plan, type Size } from './plan.ts';
import { type Place, planRegion } from './region.ts';

const PLAN_FIRST_MICROS = 4e6;
const PLAN_SELDOM_MICROS = 600e6;

export interface LookScope extends Place {
  readonly picture: Size;
  readonly input: ModelInput;
  readonly region: CameraStreamSpec['detection']['region'];
}

export interface LookState {
  readonly picture: Size;
  readonly plan: Plan;
  readonly people: PersonSize;
  /** Presentation time from which the next frame decides anew. */
  readonly nextPlanMicros: number;
}

export function startLook({ picture, input }: LookScope): LookState {
  const plan = fullPicturePlan(picture, input);
  return { picture, plan, people: NO_PERSON_SIZE, nextPlanMicros: PLAN_FIRST_MICROS };
}

/** After a frame. The plan stays the same object unless it has changed. */
export function look(state: LookState, scope: LookScope, detections: readonly Detection[], micros: number): LookState {
  if (scope.region === 'full') return state;
  const people = learnPersonSize(state.people, detections, { picture: scope.picture, seen: state.plan.crop });
  if (micros < state.nextPlanMicros) return { ...state, people };
  const planned = planRegion(scope, scope.picture, scope.input, people);
  const plan = JSON.stringify(planned) === JSON.stringify(state.plan) ? state.plan : planned;
  return { ...state, plan, people, nextPlanMicros: micros + Math.min(Math.max(micros, PLAN_FIRST_MICROS), PLAN_SELDOM_MICROS) };
}

export function samePicture(state: LookState, { picture }: LookScope): boolean {
  return state.picture.width === picture.width && state.picture.height === picture.height;
}
