/** The one equality that each trial ends in: what is committed is what an undisturbed run commits. */
import { canonical } from '#crds/cluster/canonical.ts';
import type { Committed } from './ledgers.ts';

export interface Verdict {
  /** Crossings that the undisturbed run counted and this one did not. */
  readonly lost: number;
  /** And the other way round. */
  readonly doubled: number;
  readonly problems: readonly string[];
}

/** @param ignoring fields of the counts that cannot be equal: of a file, whose sessions begin when they are read. */
export function judge(actual: Committed, expected: Committed, ignoring: readonly string[]): Verdict {
  const [was, should] = [substanceOf(actual, ignoring), substanceOf(expected, ignoring)];
  const problems = [...new Set([...Object.keys(was), ...Object.keys(should)])]
    .filter((field) => canonical(was[field]) !== canonical(should[field]))
    .map((field) => `${field} is ${canonical(was[field])}, and should be ${canonical(should[field])}`);
  const { lost, doubled } =
    actual.crossings && expected.crossings ? compareCrossings(actual.crossings, expected.crossings) : compareTotals(actual, expected);
  if (lost > 0) problems.push(`${lost} crossings are lost`);
  if (doubled > 0) problems.push(`${doubled} crossings are counted that there are not, or twice`);
  if (problems.length === 0 && actual.crossings && actual.crossings.join('\n') !== expected.crossings?.join('\n'))
    problems.push('the crossings are in another order');
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

function compareTotals(actual: Committed, expected: Committed): { lost: number; doubled: number } {
  let [lost, doubled] = [0, 0];
  for (const should of expected.counts?.lines ?? []) {
    const was = actual.counts?.lines.find(({ name }) => name === should.name) ?? { in: 0, out: 0 };
    for (const difference of [should.in - was.in, should.out - was.out]) {
      lost += Math.max(0, difference);
      doubled += Math.max(0, -difference);
    }
  }
  return { lost, doubled };
}
