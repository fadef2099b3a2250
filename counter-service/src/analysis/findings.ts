/**
 * Findings: what the analysis notices that makes its counts doubtful. To add one: a word of `findingTypes` in
 * `crds/status.ts`, and a row of FINDERS. A finder is a function of the state alone, so a replay finds the same.
 */
import * as z from 'zod';
import { type LineDoubt, lineDoubts } from '#crds/line-doubts.ts';
import { type FindingType, findingTypes, type CameraStreamSpec } from '#crds/schema.ts';
import type { CounterState } from '../counting/counter.ts';
import { heightAt } from '../detection/person-size.ts';
import type { RegionScope, RegionState } from '../detection/region-planner.ts';
import type { FindingChange } from '../metrics.ts';
import { type PictureReason, type PictureState, unusableSince } from '../picture/picture.ts';
import type { Layout } from '../counting/layout.ts';
import { type Certainty, findDoubtfulDetection } from './certainty.ts';
import { findFewPictures, type Pace } from './pace.ts';

const findingSchema = z.object({
  type: z.enum(findingTypes),
  reason: z.string().max(128),
  message: z.string().max(1024),
  /** Presentation time since which the finding has this reason. */
  sinceMicros: z.int(),
});
export const findingsSchema = z.array(findingSchema).max(16).readonly();
export type Finding = Readonly<z.infer<typeof findingSchema>>;

/** What finders may look at. */
export interface Findable {
  readonly presentationMicros: number;
  readonly picture: PictureState;
  readonly look: RegionState;
  readonly counter: CounterState;
  readonly pace: Pace;
  readonly certainty: Certainty;
}

export interface FindingContext {
  readonly view: Layout & RegionScope;
  readonly detection: CameraStreamSpec['detection'];
}

interface Doubt {
  readonly reason: string;
  readonly message: string;
  /** Absent: since this frame. */
  readonly sinceMicros?: number;
}

type Finder = (state: Findable, context: FindingContext) => Doubt | undefined;

const FINDERS: { readonly [Type in FindingType]: Finder } = {
  PictureUsable: findPicture,
  GeometryDoubtful: findGeometry,
  PaceDoubtful: ({ pace }, { detection }) => findFewPictures(pace, detection),
  DetectionDoubtful: ({ certainty }, { detection }) => findDoubtfulDetection(certainty, detection),
};

/** One finding of each type at most. It keeps its time while its reason stays. */
export function findingsAfter(before: readonly Finding[], state: Findable, context: FindingContext): readonly Finding[] {
  const found = findingTypes.flatMap((type): Finding[] => {
    const doubt = FINDERS[type](state, context);
    if (doubt === undefined) return [];
    const old = before.find((finding) => finding.type === type && finding.reason === doubt.reason);
    return [{ type, ...doubt, sinceMicros: old?.sinceMicros ?? doubt.sinceMicros ?? state.presentationMicros }];
  });
  return found.length === 0 && before.length === 0 ? before : found;
}

/** The types of which the reason differs. */
export function findingChanges(before: readonly Finding[], after: readonly Finding[]): FindingChange[] {
  if (before === after) return [];
  const reasonIn = (findings: readonly Finding[], type: FindingType) => findings.find((finding) => finding.type === type)?.reason;
  return findingTypes.flatMap((type) => {
    const change = { type, before: reasonIn(before, type), reason: reasonIn(after, type) };
    return change.before === change.reason ? [] : [change];
  });
}

const PICTURE_SENTENCES: { readonly [Reason in PictureReason]: string } = {
  PictureFrozen: 'The picture has not changed at all',
  PictureBlack: 'The picture is black',
  PictureWhite: 'The picture is white',
  PictureCovered: 'The picture shows one even surface, as if the camera were covered',
  PictureOutOfFocus: 'The picture has no sharp edge, as if the camera were out of focus',
};

function findPicture({ picture, presentationMicros }: Findable): Doubt | undefined {
  const suspicion = unusableSince(picture, presentationMicros);
  if (suspicion === undefined) return undefined;
  const seconds = Math.floor((presentationMicros - suspicion.sinceMicros) / 1e6);
  const message = `${PICTURE_SENTENCES[suspicion.reason]} for ${seconds} s: nobody can be counted in it.`;
  return { reason: suspicion.reason, message, sinceMicros: suspicion.sinceMicros };
}

/** Told once the size of people is known; before that, the spec alone is judged where it is checked. */
function findGeometry({ look }: Findable, { view }: FindingContext): Doubt | undefined {
  const { picture } = view;
  const height = heightAt(look.people, picture);
  if (height === undefined) return undefined;
  const doubts = lineDoubts(view.lines, { picture, heightAt: (y) => Math.max(1, height(y)), unit: { name: 'pixels', pixels: 1 } });
  return doubts.length === 0 ? undefined : { reason: doubts[0]!.reason, message: sentencesOf(doubts) };
}

function sentencesOf(doubts: readonly LineDoubt[]): string {
  const sentences = doubts.map(({ name, message }) => `Line ${name} ${message}.`);
  return `By the size of the people seen here: ${sentences.join(' ')}`.slice(0, 1024);
}
