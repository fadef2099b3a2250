import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Detection } from '../detection/detection.ts';
import { type Certainty, certaintyAfter, certaintySchema, findDoubtfulDetection, NO_CERTAINTY } from './certainty.ts';

const spec = { view: 'Oblique' } as const;
const box = (left: number, score: number): Detection => ({ left, top: 100, right: left + 40, bottom: 200, score });

/** Ten pictures a second. */
function film(seconds: number, picture: (second: number) => Detection[], from: Certainty = NO_CERTAINTY): Certainty {
  let state = from;
  for (let index = 0; index < seconds * 10; index += 1) state = certaintyAfter(state, picture(index / 10), index * 1e5, spec);
  return state;
}
const walkingBy = (score: number) => (second: number) => [box((second * 60) % 600, score)];

test('a picture through which mostly uncertain boxes move is doubtful, with figures and advice', () => {
  const finding = findDoubtfulDetection(film(60, walkingBy(0.25)), spec);
  assert.equal(finding?.reason, 'UncertainBoxes');
  assert.match(finding.message, /^Of 57 boxes that moved through the picture, 57 are too uncertain .* set detection\.view to Above;/);
});

test('people who are found surely are no doubt, nor are the uncertain boxes at their feet', () => {
  const picture = (second: number) => [...walkingBy(0.7)(second), { ...walkingBy(0.25)(second)[0]!, top: 150 }];
  assert.equal(findDoubtfulDetection(film(60, picture), spec), undefined);
});

test('a few uncertain boxes among people are no doubt', () => {
  const picture = (second: number) => [...walkingBy(0.7)(second), ...(Math.floor(second) % 3 === 0 ? [box(620 + second, 0.25)] : [])];
  assert.equal(findDoubtfulDetection(film(300, picture), spec), undefined);
});

test('background that resembles a person is no doubt, whether it stays or flickers now and then', () => {
  assert.equal(
    findDoubtfulDetection(
      film(300, () => [box(100, 0.3), box(300, 0.25)]),
      spec,
    ),
    undefined,
  );
  const flicker = (second: number) => (Math.floor(second) % 10 === 0 ? [box(100, 0.3)] : []);
  assert.equal(findDoubtfulDetection(film(3600, flicker), spec), undefined);
});

test('the figures continue from JSON, and a gap invents no movement', () => {
  const before = film(60, () => [box(100, 0.3)]);
  assert.deepEqual(certaintySchema.parse(JSON.parse(JSON.stringify(before))), before);
  const after = certaintyAfter(before, [box(400, 0.3)], 1000e6, spec);
  assert.equal(after.doubtful, before.doubtful);
});
