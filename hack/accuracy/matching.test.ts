import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as always, constantFrom, integer, property, record } from 'fast-check';
import { accuracyOf, agreement, type TimedCrossing } from './matching.ts';

function at(time: number, direction: 'in' | 'out' = 'in', line = 'door'): TimedCrossing {
  return { line, direction, time };
}

test('a crossing counted up to 1.5 s late is found; counted later, it is invented and the true one missed', () => {
  assert.deepEqual(accuracyOf(agreement([at(11.5)], [at(10)])), { true: 1, counted: 1, found: 1, precision: 1, recall: 1, f1: 1 });
  assert.deepEqual(accuracyOf(agreement([at(11.6)], [at(10)])), { true: 1, counted: 1, found: 0, precision: 0, recall: 0, f1: 0 });
});

test('a crossing of another line or direction does not match', () => {
  assert.equal(accuracyOf(agreement([at(10, 'out')], [at(10)])).found, 0);
  assert.equal(accuracyOf(agreement([at(10, 'in', 'gate')], [at(10)])).found, 0);
});

test('a true crossing is found only once, however often it is counted', () => {
  const counted = accuracyOf(agreement([at(9.9), at(10), at(10.1)], [at(10)]));
  assert.deepEqual([counted.found, counted.precision, counted.recall, counted.f1], [1, 1 / 3, 1, 0.5]);
});

test('of crossings close in time each finds its own', () => {
  assert.equal(agreement([at(11), at(12.4)], [at(10), at(11)]).found.length, 2);
});

test('nothing counted where nothing happened is perfect', () => {
  assert.equal(accuracyOf(agreement([], [])).f1, 1);
});

const anyCrossings = array(
  record({ line: constantFrom('door', 'gate'), direction: constantFrom('in' as const, 'out' as const), time: integer({ min: 0, max: 8 }) }),
  { maxLength: 6 },
);

test('no other pairing finds more, and each crossing is found, invented or missed', () => {
  always(
    property(anyCrossings, anyCrossings, (predicted, truth) => {
      const { found, invented, missed } = agreement(predicted, truth);
      assert.equal(found.length + invented.length, predicted.length);
      assert.equal(found.length + missed.length, truth.length);
      assert.equal(found.length, mostByTrying(predicted, truth));
    }),
  );
});

function mostByTrying([first, ...rest]: readonly TimedCrossing[], truth: readonly TimedCrossing[]): number {
  if (first === undefined) return 0;
  let most = mostByTrying(rest, truth);
  for (const [index, event] of truth.entries()) {
    if (event.line !== first.line || event.direction !== first.direction || Math.abs(event.time - first.time) > 1.5) continue;
    most = Math.max(most, 1 + mostByTrying(rest, truth.toSpliced(index, 1)));
  }
  return most;
}
