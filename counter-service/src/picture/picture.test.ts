import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLUMNS, measurePicture, type PictureMeasure, ROWS } from './measure.ts';
import { NOTHING_SEEN, pictureStep, type PictureState, SUSPECTED_SECONDS, unusableSince } from './picture.ts';

const size = { width: 320, height: 180 };

/** A picture of grey pixels, measured. */
function measureOf(luma: (x: number, y: number) => number): PictureMeasure {
  const pixels = new Uint8Array(size.width * size.height * 3);
  for (let index = 0; index < pixels.length / 3; index += 1) {
    pixels.fill(luma(index % size.width, Math.floor(index / size.width)), index * 3, index * 3 + 3);
  }
  return measurePicture(pixels, size);
}

/** Repeatable noise of the given spread. */
function noise(spread: number, seed: number) {
  let state = seed * 7919 + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 2 * spread;
  };
}

const tiles = (x: number, y: number) => (((x >> 5) + (y >> 5)) % 2 === 0 ? 60 : 180);
const still = measureOf(tiles);

/** A film at 2 frames a second. */
function film(seconds: number, frame: (index: number) => PictureMeasure, people = false) {
  let state: PictureState = NOTHING_SEEN;
  let [observed, doubtful] = [0, 0];
  const said: (string | undefined)[] = [];
  for (let index = 0; index <= seconds * 2; index += 1) {
    const micros = index * 5e5;
    const step = pictureStep(state, { micros, elapsedMicros: index === 0 ? 0 : 5e5, measure: frame(index), people });
    // As a checkpoint restores it.
    state = JSON.parse(JSON.stringify(step.picture)) as PictureState;
    observed += step.observedMicros;
    doubtful += step.doubtfulMicros;
    said.push(unusableSince(state, micros)?.reason);
  }
  return {
    said: said.at(-1),
    everSaid: new Set(said.filter(Boolean)),
    seconds: { observed: observed / 1e6, doubtful: doubtful / 1e6 },
    state,
  };
}

const walking = (index: number) =>
  measureOf((x, y) => (Math.abs(x - ((index * 12) % 320)) < 12 && Math.abs(y - 90) < 40 ? 10 : tiles(x, y)));
const unusable: readonly [what: string, frame: (index: number) => PictureMeasure, reason: string][] = [
  ['one picture for ever', () => still, 'PictureFrozen'],
  [
    'one picture under a clock that runs',
    (index) => measureOf((x, y) => (y < 12 ? (x * 7 + index * 31) % 256 : tiles(x, y))),
    'PictureFrozen',
  ],
  ['black', () => measureOf(() => 2), 'PictureBlack'],
  ['white', () => measureOf(() => 252), 'PictureWhite'],
  ['one even surface', () => measureOf((x) => 100 + (x >> 6)), 'PictureCovered'],
  ['a blur', (index) => measureOf((x, y) => 120 + 60 * Math.sin(x / 80 + index / 3) * Math.cos(y / 80)), 'PictureOutOfFocus'],
];
for (const [what, frame, reason] of unusable) {
  test(`${what} is said after ${SUSPECTED_SECONDS} s, and all of its time is doubtful`, () => {
    const { said, seconds } = film(SUSPECTED_SECONDS + 5, frame);
    assert.equal(said, reason);
    assert.equal(seconds.observed + seconds.doubtful, SUSPECTED_SECONDS + 5);
    assert.ok(seconds.doubtful >= SUSPECTED_SECONDS + 4, String(seconds.doubtful));
    assert.equal(film(SUSPECTED_SECONDS - 1, frame).said, undefined, 'not before');
  });
}

const usable: readonly [what: string, frame: (index: number) => PictureMeasure][] = [
  ['a person who walks', walking],
  [
    'a still hall at night with a noisy sensor',
    (index) =>
      measureOf(
        (
          (next) => (x, y) =>
            Math.max(0, tiles(x, y) / 6 + next())
        )(noise(5, index)),
      ),
  ],
  [
    'nothing but noise in the dark',
    (index) =>
      measureOf(
        (
          (next) => () =>
            20 + next()
        )(noise(12, index)),
      ),
  ],
  ['a lamp that flickers', (index) => measureOf((x, y) => (index % 7 < 5 ? 2 : tiles(x, y)))],
  ['a lamp that goes out for some seconds', (index) => (index % 40 < 30 ? walking(index) : measureOf(() => 1))],
];
for (const [what, frame] of usable) {
  test(`${what} is a usable picture`, () => {
    const { everSaid, seconds } = film(60, frame);
    assert.deepEqual([...everSaid], []);
    assert.equal(seconds.doubtful, 0);
  });
}

test('a blur in which people are found is usable, a frozen picture of people is not', () => {
  const blur = (index: number) => measureOf((x, y) => 120 + 60 * Math.sin(x / 80 + index / 3) * Math.cos(y / 80));
  assert.equal(film(30, blur, true).said, undefined);
  assert.equal(film(30, () => still, true).said, 'PictureFrozen');
});

test('a picture that moves again is usable at once', () => {
  const { state } = film(30, () => still);
  const { picture, observedMicros } = pictureStep(state, { micros: 31e6, elapsedMicros: 1e6, measure: walking(5), people: false });
  assert.deepEqual([unusableSince(picture, 31e6), observedMicros], [undefined, 1e6]);
});

test('the samples are those of a grid over the whole picture', () => {
  const { samples } = measureOf((x) => (x < 160 ? 10 : 200));
  assert.equal(samples.length, COLUMNS * ROWS);
  assert.deepEqual([samples[0], samples[COLUMNS / 2 - 1], samples[COLUMNS / 2], samples.at(-1)], [10, 10, 200, 200]);
});
