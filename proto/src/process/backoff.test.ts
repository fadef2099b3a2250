import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffSeconds } from './backoff.ts';

test('the ceiling doubles from the initial to the maximum, and the wait is anywhere below it', () => {
  const backoff = { initialSeconds: 0.25, maximumSeconds: 15 };
  assert.deepEqual(
    [1, 2, 3, 7, 8, 1000].map((attempt) => backoffSeconds(backoff, attempt, 1)),
    [0.25, 0.5, 1, 15, 15, 15],
  );
  assert.equal(backoffSeconds(backoff, 4, 0), 0);
  assert.equal(backoffSeconds(backoff, 4, 0.5), 1);
});
