/**
 * Compares counts with the crossings that a looping camera of hack/e2e/camera played, minus the declared gaps.
 *
 *   the camera plays      ──────c₁───────c₂──────c₃────── ...   cᵢ: a crossing, known from the clip
 *   declared gaps                   ▓▓▓▓▓▓▓
 *   counts must be              1            1 or 2    2 or 3
 *
 * A crossing within a gap must not be counted, and one outside of all gaps must. A crossing just after a gap, or at its
 * beginning or end, is uncertain: the count may be one more or one less.
 */

import type { CountsStatus } from '#crds/schema.ts';

/** hack/samples/one-by-one in a loop: its crossings in seconds of the clip (`npm run count -- --events`, 5 fps). */
export const CLIP_SECONDS = 139.4;
const ACROSS: Readonly<Record<string, readonly number[]>> = {
  entrance: [7.1, 23.9, 51.3, 77.3, 93.1, 125.1],
  exit: [19.1, 44.1, 69.1, 86.1, 119.1, 135.1],
};
/**
 * How long before a crossing the video must begin for it to be counted: the track must be clear of the line on the near side.
 * Of clips that begin so long before each of the 12 crossings, 12 counted at 1.6 s and more, 11 at 0.8 s, 5 at 0.4 s.
 */
const APPROACH_SECONDS = 2;
/** Tolerance between the clocks of camera, agent and counter on a busy machine. */
const CLOCK_SECONDS = 1.5;

/** In milliseconds since 1970. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** False when only a part of this time was a gap. */
  readonly whole: boolean;
}

export interface Commit {
  /** Everything up to this time is counted. */
  readonly time: number;
  readonly totals: Readonly<Record<string, number>>;
}

export interface Observation {
  /** Times at which the camera started the clip. */
  readonly starts: readonly number[];
  readonly gaps: readonly Gap[];
  readonly commits: readonly Commit[];
}

export interface Judgement {
  readonly crossings: number;
  /** How many of them may be counted or not. */
  readonly uncertain: number;
}

/** Compares every commit with the crossings until then. @throws Error with a sentence for the first that differs. */
export function judge({ starts, gaps, commits }: Observation): Judgement {
  const last = commits.at(-1);
  if (last === undefined) throw new Error('Nothing was committed.');
  const lines = Object.keys(ACROSS).map((line) => ({
    line,
    played: crossingsPlayed(line, starts, last.time).map((at) => ({ at, ...bounds(at, gaps) })),
  }));
  for (const { time, totals } of commits) {
    for (const { line, played: crossings } of lines) {
      const until = crossings.map(({ at, least, most }) => ({
        least: at < time - ms(CLOCK_SECONDS) ? least : 0,
        most: at < time + ms(CLOCK_SECONDS) ? most : 0,
      }));
      const [least, most, total] = [sum(until.map((each) => each.least)), sum(until.map((each) => each.most)), totals[line] ?? 0];
      if (total >= least && total <= most) continue;
      const expected = least === most ? least : `${least} to ${most}`;
      throw new Error(
        `At ${new Date(time).toISOString()} ${line} has ${total}; the camera had played ${expected} outside of the declared gaps.`,
      );
    }
  }
  const crossings = lines.flatMap(({ played: each }) => each);
  return { crossings: crossings.length, uncertain: crossings.filter(({ least, most }) => least !== most).length };
}

/** A status has only the latest gap: of others since the previous status, only the period in which they were is known. */
export function gapsOf(counts: readonly Pick<CountsStatus, 'time' | 'gaps'>[]): readonly Gap[] {
  const gaps = new Map<string, Gap>();
  let [known, time] = [0, 0];
  for (const {
    gaps: { count, last },
    time: now,
  } of counts) {
    if (last !== undefined) gaps.set(last.from, { from: Date.parse(last.from), to: Date.parse(last.to), whole: true });
    if (last !== undefined && count > known + 1) gaps.set(`before ${last.from}`, { from: time, to: Date.parse(last.from), whole: false });
    [known, time] = [count, Date.parse(now)];
  }
  return [...gaps.values()];
}

function crossingsPlayed(line: string, starts: readonly number[], until: number): number[] {
  return starts.flatMap((start, index) => {
    const end = Math.min(starts[index + 1] ?? Infinity, until + ms(CLOCK_SECONDS));
    const loops = Math.max(0, Math.ceil((end - start) / ms(CLIP_SECONDS)));
    return Array.from({ length: loops }, (_, loop) => ACROSS[line]!.map((at) => start + ms(loop * CLIP_SECONDS + at)))
      .flat()
      .filter((at) => at < end);
  });
}

/** How many times a crossing may be in the counts. */
function bounds(at: number, gaps: readonly Gap[]): { readonly least: 0 | 1; readonly most: 0 | 1 } {
  const [early, late] = [at - ms(CLOCK_SECONDS), at + ms(CLOCK_SECONDS)];
  if (gaps.some(({ from, to, whole }) => whole && from < early && to > late)) return { least: 0, most: 0 };
  const disturbed = gaps.some(({ from, to }) => from < late && to > early - ms(APPROACH_SECONDS));
  return { least: disturbed ? 0 : 1, most: 1 };
}

function ms(seconds: number): number {
  return seconds * 1000;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
