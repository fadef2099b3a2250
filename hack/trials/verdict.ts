/** The verdict on a trial: it must have committed what an undisturbed run commits. */
import { canonical } from '#crds/cluster/canonical.ts';
import { checkDelivery } from './events.ts';
import type { Committed } from './ledgers.ts';

export interface Verdict {
  /** Crossings that only the undisturbed run counted. */
  readonly lost: number;
  /** Crossings that only the disturbed run counted, or counted twice. */
  readonly doubled: number;
  readonly problems: readonly string[];
}

/**
 * @param ignoring fields of the counts that differ between any two runs.
 * @param losesEvents whether events may, or must, be lost on the way to the receiver.
 */
export function judge(actual: Committed, expected: Committed, ignoring: readonly string[], losesEvents?: 'perhaps' | 'surely'): Verdict {
  const [was, should] = [substanceOf(actual, ignoring), substanceOf(expected, ignoring)];
  const problems = [...new Set([...Object.keys(was), ...Object.keys(should)])]
    .filter((field) => canonical(was[field]) !== canonical(should[field]))
    .map((field) => `${field} is ${canonical(was[field])}, and should be ${canonical(should[field])}`);
  const [got, wanted] = [checkDelivery(actual.delivered, actual.counts), checkDelivery(expected.delivered, expected.counts)];
  problems.push(...got.problems, ...wanted.problems.map((problem) => `undisturbed: ${problem}`));
  if (got.losses > 0 && losesEvents === undefined) problems.push(`${got.losses} events were declared lost for no reason`);
  if (got.losses === 0 && losesEvents === 'surely') problems.push('no event was declared lost although some had no room to wait');
  const expectedCrossings = [...wanted.crossings].filter(([number]) => !got.lost.has(number)).map(([, crossing]) => crossing);
  const { lost, doubled } = compareCrossings([...got.crossings.values()], expectedCrossings);
  if (lost > 0) problems.push(`${lost} crossings are lost`);
  if (doubled > 0) problems.push(`${doubled} crossings are counted that did not happen, or twice`);
  return { lost, doubled, problems };
}

function substanceOf({ counts }: Committed, ignoring: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(counts ?? {}).filter(([field]) => !ignoring.includes(field)));
}

function compareCrossings(actual: readonly string[], expected: readonly string[]): { lost: number; doubled: number } {
  const left = [...actual];
  let lost = 0;
  for (const crossing of expected) {
    const found = left.indexOf(crossing);
    if (found < 0) lost += 1;
    else left.splice(found, 1);
  }
  return { lost, doubled: left.length };
}
