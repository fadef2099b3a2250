import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxOf, correctMotion, predictMotion, startMotion } from './motion.ts';

function box(x: number, y: number, height = 100) {
  return { left: x - 20, top: y - height, right: x + 20, bottom: y };
}

test('the filter learns the speed of a walk and expects the next place', () => {
  let motion = startMotion(box(100, 300));
  for (let frame = 1; frame <= 20; frame++) motion = correctMotion(predictMotion(motion, 0.1), box(100 + 8 * frame, 300), 1);
  assert.ok(Math.abs(motion.middle.rate - 80) < 4);
  assert.ok(Math.abs(boxOf(predictMotion(motion, 0.5)).left - (80 + 8 * 20 + 40)) < 4);
});

test('half a second in one step leads to the same place as in five', () => {
  const start = correctMotion(predictMotion(startMotion(box(100, 300)), 0.1), box(110, 300), 1);
  let small = start;
  for (let step = 0; step < 5; step++) small = predictMotion(small, 0.1);
  const large = predictMotion(start, 0.5);
  for (const quantity of ['value', 'rate', 'variance', 'covariance', 'rateVariance'] as const) {
    assert.ok(Math.abs(small.middle[quantity] / large.middle[quantity] - 1) < 1e-9, quantity);
  }
});

test('time makes the place less certain and a detection makes it more certain', () => {
  const start = startMotion(box(100, 300));
  const later = predictMotion(start, 1);
  assert.ok(later.middle.variance > start.middle.variance && later.height.variance > start.height.variance);
  const seen = correctMotion(later, box(100, 300), 1);
  assert.ok(seen.middle.variance < later.middle.variance && seen.height.variance < later.height.variance);
});

test('a doubtful detection moves the estimate less', () => {
  const later = predictMotion(startMotion(box(100, 300)), 0.1);
  const shift = (doubt: number) => correctMotion(later, box(106, 300), doubt).middle.value - 100;
  assert.ok(shift(2) < shift(1) && shift(2) > 0);
});
