import type { Point } from '#crds/geometry.ts';
import type { ModelInput } from './manifest.ts';
import { heightAt, type PersonSize } from './person-size.ts';
import { fullPicturePlan, type Plan, type Rectangle, type Size } from './plan.ts';

/**
 * Look where it matters: the part of the picture that counting needs follows from the lines and zones, widened by what
 * a person needs to be found and followed there.
 *
 *        ┌───────────────────────────┐ ┐ room above the head
 *        │   o                       │ │ height of a person whose
 *        │  /|\     ───────────      │ │ feet are at the top of the approach
 *        │  / \  approach   line     │ ┘
 *        │          ───────────      │ approach below the line
 *        └───────────────────────────┘ room under the feet
 *
 * Crossings are judged by the foot point. A person cut by the lower edge has a false one, at that edge; the approach
 * below the line keeps it from the line's ends.
 */
export interface Place {
  /** Thousandths of the picture. */
  readonly lines: readonly { readonly from: Point; readonly to: Point }[];
  readonly zones: readonly { readonly polygon: readonly Point[] }[];
}

/**
 * In heights of a person at that place. People walk about 0.8 heights a second, and a track needs some frames before
 * the line; up and down the picture they cover less of it. Chosen on PETS09-S2L1, twelve lines one at a time, 231
 * crossings, found and invented: full picture 230 and 3; these margins 230 and 5, the two more on one line, where boxes
 * differ from the full picture's by a few pixels only, with 3.1 times fewer pixels; half as wide 228 and 3 with 4.6 times fewer; a third
 * wider 229 and 3 with 2.4 times fewer. Differences of one or two crossings are chance: 576x448 instead of 512x384
 * for the whole picture makes as many.
 */
export const MARGINS = { approachX: 0.75, approachY: 0.5, room: 0.2, halfWidth: 0.3 } as const;
export type Margins = { readonly [name in keyof typeof MARGINS]: number };

/** The median person is known; most others are not taller than this many times it. */
const TALL = 1.15;
/** A region that saves less than a quarter of the full picture's pixels is not worth the blind spots. */
const WORTH_IT = 0.75;
/** Sides of a region's input, so that the regions of many streams share few shapes and run in one batch. */
const LADDER = [128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640, 768, 896, 1024, 1280];

/**
 * The region that `place` needs, or the full picture where people's size is not known yet, the model takes one size
 * only, or a region would save little. People are as large in the model's input as in the full picture's.
 */
export function planRegion(place: Place, source: Size, model: ModelInput, known: PersonSize, margins: Margins = MARGINS): Plan {
  const full = fullPicturePlan(source, model);
  const height = heightAt(known, source);
  if (model.multiple === undefined || height === undefined) return full;
  const needed = neededRectangle(place, source, height, margins);
  if (needed === undefined) return full;
  const plan = cropPlan(needed, source, { scale: full.picture.width / source.width, model, full: full.input });
  return plan !== undefined && area(plan.input) <= area(full.input) * WORTH_IT ? plan : full;
}

/** Everything a person's box may cover while the feet are within the approach of a line or zone; undefined if there is neither. */
function neededRectangle({ lines, zones }: Place, source: Size, heightAtY: (y: number) => number, margins: Margins): Rectangle | undefined {
  const points = [...lines.flatMap(({ from, to }) => [from, to]), ...zones.flatMap(({ polygon }) => polygon)];
  if (points.length === 0) return undefined;
  const height = (y: number): number => heightAtY(y) * TALL;
  const boxes = points.map(({ x, y }) => {
    const foot = { x: (x / 1000) * source.width, y: (y / 1000) * source.height };
    const lowest = foot.y + margins.approachY * height(foot.y);
    const highest = foot.y - margins.approachY * height(foot.y);
    const aside = (margins.approachX + margins.halfWidth + margins.room) * height(foot.y);
    return {
      left: foot.x - aside,
      right: foot.x + aside,
      top: highest - (1 + margins.room) * height(highest),
      bottom: lowest + margins.room * height(lowest),
    };
  });
  const left = Math.max(0, Math.min(...boxes.map((box) => box.left)));
  const top = Math.max(0, Math.min(...boxes.map((box) => box.top)));
  const right = Math.min(source.width, Math.max(...boxes.map((box) => box.right)));
  const bottom = Math.min(source.height, Math.max(...boxes.map((box) => box.bottom)));
  return { left, top, width: right - left, height: bottom - top };
}

/** The crop, grown to fill its input: those pixels are computed anyway. Undefined if it needs a larger input than the full picture. */
function cropPlan(needed: Rectangle, source: Size, at: { scale: number; model: ModelInput; full: Size }): Plan | undefined {
  const width = side(needed.width * at.scale, at.full.width, at.model);
  const height = side(needed.height * at.scale, at.full.height, at.model);
  if (width === undefined || height === undefined) return undefined;
  const across = grow(needed.left, needed.width, width / at.scale, source.width);
  const down = grow(needed.top, needed.height, height / at.scale, source.height);
  const crop = { left: across.start, top: down.start, width: across.length, height: down.length };
  const picture = { width: Math.min(width, Math.ceil(crop.width * at.scale)), height: Math.min(height, Math.ceil(crop.height * at.scale)) };
  return { crop, picture, input: { width, height } };
}

function side(pixels: number, most: number, { multiple = 1 }: ModelInput): number | undefined {
  return [...LADDER, most].filter((step) => step <= most && step % multiple === 0).find((step) => step >= Math.floor(pixels));
}

/** A stretch of at least `length` and about `wanted`, around the same middle, within 0 and `limit`, on even numbers. */
function grow(start: number, length: number, wanted: number, limit: number): { start: number; length: number } {
  const size = Math.min(even(Math.max(wanted, length)), even(limit));
  const centred = start + length / 2 - size / 2;
  return { start: even(Math.min(Math.max(centred, 0), limit - size)), length: size };
}

function even(value: number): number {
  return Math.floor(value / 2) * 2;
}

function area({ width, height }: Size): number {
  return width * height;
}
