import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contains, distanceToBorder, liesBetweenEnds, signedDistance } from './geometry.ts';

const from = { x: 100, y: 300 };
const to = { x: 100, y: 100 };

test('walking up the picture, the right hand is positive', () => {
  assert.equal(signedDistance(from, to, { x: 130, y: 200 }), 30);
  assert.equal(signedDistance(from, to, { x: 70, y: 500 }), -30);
  assert.equal(signedDistance(to, from, { x: 130, y: 200 }), -30);
});

test('a line without length has no sides and nothing between its ends', () => {
  assert.equal(signedDistance(from, from, to), 0);
  assert.equal(liesBetweenEnds(from, from, to), false);
});

test('what projects onto the line lies between its ends, the ends included', () => {
  for (const [y, between] of [
    [99, false],
    [100, true],
    [200, true],
    [300, true],
    [301, false],
  ] as const) {
    assert.equal(liesBetweenEnds(from, to, { x: 500, y }), between, `y ${y}`);
  }
});

/** An L: a square of 100 without its lower right quarter. */
const corner = [
  { x: 0, y: 0 },
  { x: 100, y: 0 },
  { x: 100, y: 50 },
  { x: 50, y: 50 },
  { x: 50, y: 100 },
  { x: 0, y: 100 },
];

test('a polygon contains what lies within, in its notch nothing', () => {
  assert.equal(contains(corner, { x: 25, y: 75 }), true);
  assert.equal(contains(corner, { x: 75, y: 25 }), true);
  assert.equal(contains(corner, { x: 75, y: 75 }), false);
  assert.equal(contains(corner, { x: -1, y: 50 }), false);
  assert.equal(contains(corner.toReversed(), { x: 25, y: 75 }), true);
});

test('the border is as far away as its nearest edge or corner', () => {
  assert.equal(distanceToBorder(corner, { x: 10, y: 70 }), 10);
  assert.equal(distanceToBorder(corner, { x: 60, y: 70 }), 10);
  assert.equal(distanceToBorder(corner, { x: 103, y: -4 }), 5);
});
