/**
 * A checkpoint, as an agent hands it back: the state of a stream, and not believed to be one before it is looked at. What
 * it says of counts is the agent's own affair, as its video is; what it says of sizes goes into a decoder's arguments and
 * into detection, which other streams share.
 */
import * as z from 'zod';
import { GapReason } from '#proto/wire/protocol.ts';
import type { AnalysisState } from './analysis.ts';
import type { ModelInput } from '../detection/manifest.ts';
import type { RegionState } from '../detection/region-planner.ts';
import type { Size } from '../detection/plan.ts';
import { Refused } from '../refusal.ts';

const MOST_TRACKS = 256;
const MOST_LINES = 64;
const MOST_CORNERS = 64;
const BANDS = 16;

const whole = z.int();
const natural = whole.min(0);
const measure = z.number();
const side = whole.min(0).max(65_535);
const word = z.string().max(128);

const size = z.object({ width: side, height: side });
const place = z.object({ x: measure, y: measure });
const moving = z.object({ value: measure, rate: measure, variance: measure, covariance: measure, rateVariance: measure });
const drifting = z.object({ value: measure, variance: measure });
const lineCounts = { name: word, in: natural, out: natural };
const direction = z.enum(['in', 'out']);
const reason = z.enum(Object.keys(GapReason) as [keyof typeof GapReason]);
const gap = z.object({ fromMicros: whole, toMicros: whole, reason, accessUnits: natural });

const lookState = z.object({
  // It holds the lines and zones of a whole spec.
  scope: z.string().max(64 * 1024),
  picture: size,
  plan: z.object({ crop: z.object({ left: side, top: side, width: side, height: side }), picture: size, input: size }),
  people: z.object({ bands: z.array(z.object({ count: natural, height: measure })).length(BANDS) }),
  sinceMicros: whole,
  nextPlanMicros: whole,
});

const track = z.object({
  id: natural,
  motion: z.object({ middle: moving, top: moving, width: drifting, height: drifting }),
  sightings: natural,
  seenAt: measure,
  sureAt: measure,
});

const counterState = z.object({
  in: natural,
  out: natural,
  inside: natural,
  lines: z
    .array(
      z.object({
        ...lineCounts,
        from: place,
        to: place,
        sides: z.array(z.object({ track: natural, side: direction, x: measure, y: measure })).max(MOST_TRACKS),
      }),
    )
    .max(MOST_LINES),
  former: z.array(z.object(lineCounts)).max(MOST_LINES).optional(),
  zones: z
    .array(
      z.object({
        name: word,
        polygon: z.array(place).max(MOST_CORNERS),
        present: z.array(z.object({ track: natural, seenAt: measure })).max(MOST_TRACKS),
      }),
    )
    .max(MOST_LINES),
});

const analysisState = z.object({
  version: z.literal(1),
  position: natural,
  presentationMicros: whole,
  frames: natural,
  observedMicros: measure.min(0),
  continuous: z.boolean(),
  gaps: z.object({ count: natural, micros: measure.min(0), last: gap.optional() }),
  takeover: z.object({ fromMicros: whole, reason }).optional(),
  gapNext: natural,
  look: lookState,
  tracker: z.object({ nextId: natural, time: measure, tracks: z.array(track).max(MOST_TRACKS), dropped: natural }),
  counter: counterState,
  uncommitted: z.array(z.object({ line: word, direction, time: measure, frame: natural, track: natural })),
});

/** @param position that is committed. @throws Refused INVALID. */
export function readCheckpoint(bytes: Buffer, position: number): AnalysisState {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw new Refused('INVALID', 'The checkpoint is not one of a counter.');
  }
  const version = z.looseObject({ version: z.unknown() }).safeParse(value).data?.version;
  if (version !== 1) throw new Refused('INVALID', `The checkpoint is of version ${String(version).slice(0, 20)}, not 1.`);
  const { data, error } = analysisState.safeParse(value);
  if (data === undefined)
    throw new Refused('INVALID', `The checkpoint is not one of a counter: ${error.issues[0]!.path.join('.')} is wrong.`);
  // Zod writes a field that may be left out as one that may be undefined.
  const state = data as AnalysisState;
  if (state.position < position)
    throw new Refused('INVALID', `The checkpoint is of access unit ${state.position}, though ${position} are committed.`);
  return state;
}

/**
 * Whether the decoder and the model can do what the plan says: asked of a checkpoint that is taken up, since one for
 * another model or picture is given a new plan. @throws Refused INVALID.
 */
export function requirePossiblePlan({ picture: source, plan: { crop, picture, input: padded } }: RegionState, input: ModelInput): void {
  const { multiple = 1 } = input;
  const fits = (inner: Size, outer: Size) =>
    inner.width > 0 && inner.height > 0 && inner.width <= outer.width && inner.height <= outer.height;
  const isWhole = padded.width % multiple === 0 && padded.height % multiple === 0;
  const isInside = fits(crop, source) && fits({ width: crop.left + crop.width, height: crop.top + crop.height }, source);
  if (isInside && fits(picture, padded) && fits(padded, input) && isWhole) return;
  throw new Refused('INVALID', 'The checkpoint looks at the picture in a way in which no counter would.');
}
