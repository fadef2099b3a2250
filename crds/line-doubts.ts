/**
 * Lines that nobody can cross, or that count twice, told from the geometry: by the size of people that was seen, or before
 * that by an assumed one.
 *
 *   picture's edge ┌──────────────────
 *                  │   ↑ room: must be more than a tenth of a person's height, or the feet are never clear of the line
 *                  │ ──────── line
 */
import type { Point } from './geometry.ts';

export const LineDoubtReason = {
  /** On one of its sides the picture ends too soon. */
  AtEdge: 'LineAtEdge',
  /** Shorter than a person is wide. */
  TooShort: 'LineTooShort',
  /** Two lines that are crossed at once. */
  TooClose: 'LinesTooClose',
} as const;
export type LineDoubtReason = (typeof LineDoubtReason)[keyof typeof LineDoubtReason];

export interface Line {
  readonly name: string;
  readonly from: Point;
  readonly to: Point;
}

/** How large people are in the picture. */
export interface People {
  readonly picture: { readonly width: number; readonly height: number };
  /** Height in pixels of a person whose feet are at `y`. */
  readonly heightAt: (y: number) => number;
  /** What the reader knows lengths by. */
  readonly unit: { readonly name: string; readonly pixels: number };
}

export interface LineDoubt {
  readonly reason: LineDoubtReason;
  /** Its place in the list; of two lines, that of the later one. */
  readonly index: number;
  readonly name: string;
  /** Reads on after the line. */
  readonly message: string;
}

/** Feet of a person of whom less than this share is in the picture are not found. */
const SEEN_SHARE = 0.25;
/** As the counter has it: feet are clear of a line by a tenth of the height, or by 4 pixels. */
const CLEAR_SHARE = 0.1;
const CLEAR_PIXELS = 4;
const WIDTH_SHARE = 0.35;

/** Before people are seen: a picture of 16:9 with people of 15 % of its height. */
const ASSUMED: People = {
  picture: { width: 1600, height: 900 },
  heightAt: () => 135,
  unit: { name: "thousandths of the picture's height", pixels: 0.9 },
};

export function lineDoubts(lines: readonly Line[], people: People = ASSUMED): LineDoubt[] {
  return lines.flatMap((line, index) => {
    const near = lines.slice(0, index).find((other) => areCrossedAtOnce(segmentOf(line, people), segmentOf(other, people), people));
    const doubt = doubtOf(line, people) ?? (near && tooClose(near));
    return doubt === undefined ? [] : [{ ...doubt, index, name: line.name }];
  });
}

type Doubt = Pick<LineDoubt, 'reason' | 'message'>;

interface Segment {
  readonly from: Point;
  readonly to: Point;
}

function doubtOf(line: Line, people: People): Doubt | undefined {
  const segment = segmentOf(line, people);
  const { clearance, height } = sizesAt(segment, people);
  const [length, width] = [lengthIn(segment), WIDTH_SHARE * height];
  if (length < width) {
    const figures = figuresOf(length, width, people);
    return { reason: LineDoubtReason.TooShort, message: `is shorter than a person is wide: it has ${figures}` };
  }
  for (const side of ['in', 'out'] as const) {
    const room = roomBeside(segment, side, people);
    if (room > clearance) continue;
    const figures = figuresOf(room, clearance, people);
    const message = `can hardly be crossed: on its "${side}" side the picture ends before a person is seen clear of it (it has ${figures})`;
    return { reason: LineDoubtReason.AtEdge, message };
  }
  return undefined;
}

/** Rounded apart, so that what is too little never reads as enough. */
function figuresOf(found: number, needed: number, { unit }: People): string {
  return `${Math.floor(found / unit.pixels)} of the ${Math.floor(needed / unit.pixels) + 1} ${unit.name} that it needs`;
}

function tooClose({ name }: Line): Doubt {
  const message = `lies so near to line ${name} that a person crosses both at once, and the totals count them twice`;
  return { reason: LineDoubtReason.TooClose, message };
}

/** Whether each end of the shorter segment is within the clearance of the other. */
function areCrossedAtOnce(one: Segment, other: Segment, people: People): boolean {
  const [short, long] = lengthIn(one) < lengthIn(other) ? [one, other] : [other, one];
  const { clearance } = sizesAt(short, people);
  return distanceTo(long, short.from) <= clearance && distanceTo(long, short.to) <= clearance;
}

/** The furthest place, square to the line, at which feet can be seen; 0 where there is none. */
function roomBeside(segment: Segment, side: 'in' | 'out', people: People): number {
  const { from, to } = segment;
  const length = lengthIn(segment);
  const sign = side === 'in' ? 1 : -1;
  const normal = { x: (-sign * (to.y - from.y)) / length, y: (sign * (to.x - from.x)) / length };
  const { picture } = people;
  const top = SEEN_SHARE * sizesAt(segment, people).height;
  const rooms = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const place = { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) };
    const [xLeast, xMost] = stay(place.x, normal.x, 0, picture.width);
    const [yLeast, yMost] = stay(place.y, normal.y, top, picture.height);
    const [least, most] = [Math.max(0, xLeast, yLeast), Math.min(xMost, yMost)];
    return least <= most ? most : 0;
  });
  return Math.max(...rooms);
}

/** For which distances `start + distance * direction` lies within the bounds. */
function stay(start: number, direction: number, least: number, most: number): [number, number] {
  if (Math.abs(direction) < 1e-9) return start >= least && start <= most ? [-Infinity, Infinity] : [Infinity, -Infinity];
  const [one, other] = [(least - start) / direction, (most - start) / direction];
  return one < other ? [one, other] : [other, one];
}

function sizesAt({ from, to }: Segment, { heightAt }: People): { height: number; clearance: number } {
  const height = heightAt((from.y + to.y) / 2);
  return { height, clearance: Math.max(CLEAR_PIXELS, CLEAR_SHARE * height) };
}

function segmentOf({ from, to }: Line, { picture }: People): Segment {
  const place = ({ x, y }: Point) => ({ x: (x * picture.width) / 1000, y: (y * picture.height) / 1000 });
  return { from: place(from), to: place(to) };
}

function lengthIn({ from, to }: Segment): number {
  return Math.hypot(to.x - from.x, to.y - from.y);
}

function distanceTo({ from, to }: Segment, place: Point): number {
  const along = { x: to.x - from.x, y: to.y - from.y };
  const share = (along.x * (place.x - from.x) + along.y * (place.y - from.y)) / (along.x ** 2 + along.y ** 2);
  const within = Math.min(1, Math.max(0, share));
  return Math.hypot(place.x - from.x - within * along.x, place.y - from.y - within * along.y);
}
