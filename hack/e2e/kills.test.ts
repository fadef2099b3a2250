import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Death, deaths } from './kills.ts';

const first = (seed: number, count: number): Death[] => deaths(seed).take(count).toArray();

test('the same seed kills the same at the same times, another seed something else', () => {
  assert.deepEqual(first(7, 30), first(7, 30));
  assert.notDeepEqual(first(7, 30), first(8, 30));
});

test('each eight deaths contain every kind, in an order that depends on the seed', () => {
  for (const seed of [1, 2, 3]) {
    for (const from of [0, 8])
      assert.equal(
        new Set(
          first(seed, 16)
            .slice(from, from + 8)
            .map(({ what }) => what),
        ).size,
        6,
      );
  }
});
