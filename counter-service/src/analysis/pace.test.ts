import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findFewPictures, NO_PACE, type Pace, paceAfter } from './pace.ts';

const paceOf = (intervals: readonly number[], from: Pace = NO_PACE) =>
  intervals.reduce((pace, seconds) => paceAfter(pace, seconds * 1e6), from);
const every = (seconds: number, count: number) => Array.from({ length: count }, () => seconds);
const camera = { framesPerSecond: 10 };

test('a camera of one or two pictures a second is too slow, with its rate', () => {
  assert.equal(findFewPictures(paceOf(every(1, 10)), camera)?.reason, 'CameraTooSlow');
  assert.match(
    findFewPictures(paceOf(every(1, 10)), camera)!.message,
    /^At 1\.0 pictures a second people are missed.*camera to 3 or more\.$/,
  );
  assert.match(findFewPictures(paceOf(every(0.5, 200)), camera)!.message, /^At 2\.0 /);
});

test('a setting that is too low is named, whatever the camera sends', () => {
  const finding = findFewPictures(paceOf(every(1, 10)), { framesPerSecond: 1 });
  assert.equal(finding?.reason, 'SettingTooLow');
  assert.match(finding.message, /Set detection\.framesPerSecond, which is 1, to 3 or more\.$/);
});

test('three pictures a second are enough, also if the camera is a little late', () => {
  assert.equal(findFewPictures(paceOf(every(1 / 3, 600)), camera), undefined);
  assert.equal(findFewPictures(paceOf(every(0.36, 600)), camera), undefined);
});

test('the first seconds say nothing, and a pause of a good camera neither', () => {
  assert.equal(findFewPictures(NO_PACE, camera), undefined);
  assert.equal(findFewPictures(paceOf(every(1, 3)), camera), undefined);
  assert.equal(findFewPictures(paceOf([...every(0.1, 300), 20]), camera), undefined);
});

test('a camera that is set right is enough again within two minutes', () => {
  const slow = paceOf(every(1, 3600));
  assert.equal(findFewPictures(paceOf(every(0.1, 1200), slow), camera), undefined);
});
