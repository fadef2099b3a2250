import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenFence } from './fence.ts';

const old = { term: 2, position: 100, in: 3, out: 1 };

const cases: readonly [string, object, string | undefined][] = [
  ['the same entry again', {}, undefined],
  ['later in the term', { position: 101, in: 4 }, undefined],
  ['a new term in a new session', { term: 3, position: 0 }, undefined],
  ['an earlier term', { term: 1, position: 200 }, 'must not come from a counter of an earlier term'],
  ['back within a term', { position: 99 }, 'must not go back to an earlier position within a term'],
  ['a lower total, though the term is new', { term: 3, out: 0 }, 'must not lower a total'],
];

for (const [what, change, expected] of cases) {
  test(`the fence on ${what}`, () => assert.equal(brokenFence({ ...old, ...change }, old), expected));
}

test('the first entry may be anything', () => assert.equal(brokenFence({ term: 0, position: 0, in: 0, out: 0 }, undefined), undefined));
