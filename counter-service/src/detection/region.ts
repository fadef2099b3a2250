import type { Point } from '#crds/geometry.ts';
import type { ModelInput } from './manifest.ts';
import { heightAt, type PersonSize } from './person-size.ts';
import { fullPicturePlan, type Plan, type Rectangle, type Size } from './plan.ts';

/**
 * The part of the picture that counting needs: the lines and zones, widened so that the detector finds whole people there
 * and the tracker can follow them.
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
export interface Areas {
  /** Thousandths of the picture. */
  readonly lines: readonly { readonly from: Point; readonly to: Point }[];
  readonly zones: readonly { readonly polygon: readonly Point[] }[];
}

/**
 * In heights of a person at that place. People walk about 0.8 heights a second, and a track needs some frames before
 * the line; up and down the picture they cover less of it. Chosen on PETS09-S2L1, with twelve lines one at a time and 231
 * crossings:
 *
 *   full picture     found 230, false 3
 *   these margins    found 230, false 5 (two more at one line, by a few pixels), 3.1 times fewer pixels
 *   half as wide     found 228, false 3, 4.6 times fewer pixels
 *   a third wider    found 229, false 3, 2.4 times fewer pixels
 *
 * Differences of one or two crossings are chance: the full picture in 576x448 instead of 512x384 differs as much.
 */
export const MARGINS = { approachX: 0.75, approachY: 0.5, room: 0.2, halfWidth: 0.3 } as const;
export type Margins = { readonly [name in keyof typeof MARGINS]: number };

/** The height that is learned is a median; most people are not taller than this many times it. */
const TALL = 1.15;
/** A region that saves less than a quarter of the full picture's pixels is not worth the blind spots. */
const WORTH_IT = 0.75;
/** The sides of a region's input: few, so that regions of many streams share shapes and run in one batch. */
const LADDER = [128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640, 768, 896, 1024, 1280];

/**
 * Plans the region that the lines and zones need; or the full picture when the size of people is not known yet, the model
 * takes one size only, or a region would save little. People have the same size in the model's input either way.
 */
export function planRegion(areas: Areas, source: Size, model: ModelInput, known: PersonSize, margins: Margins = MARGINS): Plan {
  const full = fullPicturePlan(source, model);
  const height = heightAt(known, source);
  if (model.multiple === undefined || height === undefined) return full;
  const needed = neededRectangle(areas, source, height, margins);
  if (needed === undefined) return full;
  const plan = cropPlan(needed, source, { scale: full.picture.width / source.width, model, full: full.input });
  return plan !== undefined && area(plan.input) <= area(full.input) * WORTH_IT ? plan : full;
}

/** The union of the boxes of people whose feet are near a line or zone; undefined without lines and zones. */
function neededRectangle({ lines, zones }: Areas, source: Size, heightAtY: (y: number) => number, margins: Margins): Rectangle | undefined {
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

/** The crop, enlarged to fill its input, which costs nothing more. Undefined if it needs a larger input than the full picture. */
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
