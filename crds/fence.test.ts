import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenFence, type Fenced } from './fence.ts';

const old: Fenced = { term: 2, position: 100, in: 3, out: 1, gaps: { count: 2 }, doubtfulSeconds: 5, delivered: { crossings: 3, gaps: 1 } };

const cases: readonly [string, Partial<Fenced>, string | undefined][] = [
  ['the same entry again', {}, undefined],
  ['later in the term', { position: 101, in: 4 }, undefined],
  ['a new term in a new session', { term: 3, position: 0 }, undefined],
  ['an earlier term', { term: 1, position: 200 }, 'must not come from a counter of an earlier term'],
  ['back within a term', { position: 99 }, 'must not go back to an earlier position within a term'],
  ['a lower total, though the term is new', { term: 3, out: 0 }, 'must not lower a total'],
  ['less doubtful time, though the term is new', { term: 3, doubtfulSeconds: 4 }, 'must not lower the doubtful time'],
  ['more doubtful time', { doubtfulSeconds: 6 }, undefined],
  ['a counter of an earlier release', { doubtfulSeconds: undefined }, undefined],
  ['everything delivered', { delivered: { crossings: 4, gaps: 2 } }, undefined],
  ['a crossing delivered that is not counted', { delivered: { crossings: 5, gaps: 1 } }, 'must not deliver more than is counted'],
  ['a gap delivered that is not counted', { delivered: { crossings: 3, gaps: 3 } }, 'must not deliver more than is counted'],
  ['fewer crossings delivered', { delivered: { crossings: 2, gaps: 2 } }, 'must not lower what is delivered'],
  ['fewer gaps delivered, though the term is new', { term: 3, delivered: { crossings: 4, gaps: 0 } }, 'must not lower what is delivered'],
  ['a counter without receivers', { delivered: undefined }, undefined],
];

for (const [what, change, expected] of cases) {
  test(`the fence on ${what}`, () => assert.equal(brokenFence({ ...old, ...change }, old), expected));
}

test('the first entry may be anything', () => {
  assert.equal(brokenFence({ term: 0, position: 0, in: 0, out: 0, gaps: { count: 0 } }, undefined), undefined);
});
