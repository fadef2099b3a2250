import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as always, double, integer, property, record } from 'fast-check';
import type { Detection } from '../detection/detection.ts';
import { footPoint } from './box.ts';
import type { Track } from './track.ts';
import { createTracker, endAllTracks, type TrackerState, trackerSettings, trackStep } from './tracker.ts';

const settings = trackerSettings(0.4);

/** A person 40 wide and 100 tall whose feet are at the place. */
function person(x: number, y: number, score = 0.8): Detection {
  return { left: x - 20, top: y - 100, right: x + 20, bottom: y, score };
}

/** Tracks a film, by default ten frames a second, from `start` on; returns the tracks of each frame. */
function film(
  frames: readonly (readonly Detection[])[],
  { framesPerSecond = 10, state = createTracker(), start = 0 } = {},
): { state: TrackerState; frames: Track[][] } {
  const seen: Track[][] = [];
  let current = state;
  for (const [index, detections] of frames.entries()) {
    const step = trackStep(current, detections, start + index / framesPerSecond, settings);
    current = step.state;
    seen.push(step.tracks);
  }
  return { state: current, frames: seen };
}

function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function idsOf(tracks: readonly Track[] | undefined): number[] {
  return (tracks ?? []).filter((track) => track.confirmed && track.matched).map((track) => track.id);
}

test('a person who walks through the picture is one track, confirmed when seen three times', () => {
  const { frames } = film(times(20, (index) => [person(100 + 8 * index, 300)]));
  assert.deepEqual(
    frames.map((tracks) => tracks.length),
    times(20, () => 1),
  );
  assert.deepEqual(
    frames.slice(0, 4).map((tracks) => tracks[0]?.confirmed),
    [false, false, true, true],
  );
  assert.equal(frames[19]?.[0]?.id, 1);
});

test('two people who pass each other keep their tracks', () => {
  const { frames } = film(times(30, (index) => [person(100 + 8 * index, 300), person(340 - 8 * index, 310)]));
  assert.deepEqual(idsOf(frames[29]), [1, 2]);
  assert.ok(footPoint(frames[29]![0]!.box).x > 300);
  assert.ok(footPoint(frames[29]![1]!.box).x < 140);
});

test('a person hidden for a second behind a pillar comes out as the same track', () => {
  const { frames } = film(times(30, (index) => (index >= 10 && index < 20 ? [] : [person(100 + 8 * index, 300)])));
  assert.equal(frames[15]?.[0]?.matched, false);
  assert.deepEqual(idsOf(frames[29]), [1]);
});

test('a person who stops while hidden is found again, though not where expected', () => {
  const { frames } = film(times(20, (index) => (index >= 10 && index < 18 ? [] : [person(100 + 8 * Math.min(index, 10), 300)])));
  assert.deepEqual(idsOf(frames[19]), [1]);
});

test('a person who appears too far away to have walked there is another track', () => {
  const { frames } = film(times(20, (index) => (index < 10 ? [person(100, 300)] : [person(400, 300)])));
  assert.deepEqual(idsOf(frames[19]), [2]);
});

test('a lost track ends after two seconds, a doubtful one after half a second', () => {
  const known = film(times(40, (index) => (index < 5 ? [person(100, 300)] : [])));
  assert.equal(known.frames[24]?.length, 1);
  assert.equal(known.frames[25]?.length, 0);
  const doubtful = film(times(40, (index) => (index < 2 ? [person(100, 300)] : [])));
  assert.equal(doubtful.frames[6]?.length, 1);
  assert.equal(doubtful.frames[7]?.length, 0);
});

test('a half hidden person is followed by weak detections, which begin no track of their own', () => {
  const { frames } = film(times(10, (index) => [person(100 + 4 * index, 300, index < 5 ? 0.8 : 0.25), person(500, 300, 0.45)]));
  assert.deepEqual(
    frames.map((tracks) => tracks.length),
    times(10, () => 1),
  );
  assert.deepEqual(idsOf(frames[9]), [1]);
});

test('a part of a person, and a box around two, begin no track', () => {
  const legs = (x: number): Detection => ({ left: x - 18, top: 255, right: x + 18, bottom: 300, score: 0.5 });
  const both = (x: number): Detection => ({ left: x - 20, top: 190, right: x + 70, bottom: 302, score: 0.5 });
  const { frames } = film(
    times(10, (index) => [person(100 + 8 * index, 300), person(150 + 8 * index, 300), both(100 + 8 * index), legs(100 + 8 * index)]),
  );
  assert.deepEqual(
    frames.map((tracks) => tracks.length),
    times(10, () => 2),
  );
});

test('a person who walks behind a post and comes out, at first in part, is the same track', () => {
  const post = { left: 160, right: 195 };
  const visible = (index: number): Detection[] => {
    const whole = person(100 + 6 * index, 300);
    if (whole.left < post.left) return [{ ...whole, right: Math.min(whole.right, post.left) }].filter(({ left }) => left < post.left - 8);
    const width = whole.right - post.right;
    if (width < 8) return [];
    return [{ ...whole, left: Math.max(whole.left, post.right), bottom: width < 14 ? 235 : 300 }];
  };
  const { frames } = film(times(30, visible));
  assert.deepEqual(idsOf(frames[29]), [1]);
});

test('background that looks a little like a person does not hold a track for more than a second', () => {
  const { frames } = film(times(30, (index) => [person(100, 300, index < 5 ? 0.8 : 0.3)]));
  assert.deepEqual(idsOf(frames[14]), [1]);
  assert.deepEqual(idsOf(frames[15]), []);
});

test('three frames a second are enough to follow a walking person', () => {
  const { frames } = film(
    times(10, (index) => [person(100 + 27 * index, 300)]),
    { framesPerSecond: 3 },
  );
  assert.deepEqual(idsOf(frames[9]), [1]);
});

for (const framesPerSecond of [1, 2]) {
  test(`of ${framesPerSecond} a second, two pictures confirm a walking person, who is followed though no boxes overlap`, () => {
    const { frames } = film(
      times(6, (index) => [person(100 + (80 / framesPerSecond) * index, 300)]),
      { framesPerSecond },
    );
    assert.deepEqual(frames.map(idsOf), [[], [1], [1], [1], [1], [1]]);
  });

  test(`of ${framesPerSecond} a second, a picture that misses a person does not end the track`, () => {
    const { frames } = film(
      times(6, (index) => (index === 3 ? [] : [person(100, 300)])),
      { framesPerSecond },
    );
    assert.deepEqual(frames.map(idsOf), [[], [1], [1], [], [1], [1]]);
  });
}

test('a person who appears after a pause without pictures is another track', () => {
  const before = film(times(5, () => [person(100, 300)]));
  const after = film(
    times(5, () => [person(100, 300)]),
    { state: before.state, start: 5 },
  );
  assert.deepEqual(idsOf(after.frames[4]), [2]);
});

test('the foot hardly follows a box that is cut from below for one frame', () => {
  const { frames } = film(times(20, (index) => [index === 15 ? { ...person(100, 300), bottom: 265 } : person(100, 300)]));
  assert.ok(frames.every(([track]) => footPoint(track!.box).y > 285));
});

test('while a person grows into the picture over its lower edge, their feet stay within twice the clearance of a line', () => {
  const { frames } = film(times(16, (index) => [{ left: 80, right: 180, top: Math.max(20, 400 - 30 * index), bottom: 432, score: 0.8 }]));
  assert.deepEqual(idsOf(frames[15]), [1]);
  assert.ok(frames.every(([track]) => Math.abs(footPoint(track!.box).y - 432) < 0.2 * (track!.box.bottom - track!.box.top)));
});

test('after a gap there are no tracks, and ids continue', () => {
  const before = film(times(5, () => [person(100, 300)]));
  const ended = endAllTracks(before.state);
  assert.deepEqual(ended.tracks, []);
  const after = film(
    times(3, () => [person(100, 300)]),
    { state: ended, start: 0.6 },
  );
  assert.deepEqual(idsOf(after.frames[2]), [2]);
});

test('a clock that goes back ends all tracks', () => {
  const before = film(
    times(5, () => [person(100, 300)]),
    { start: 100 },
  );
  const after = film(
    times(3, () => [person(100, 300)]),
    { state: before.state },
  );
  assert.deepEqual(
    after.frames.map((tracks) => tracks.map((track) => track.id)),
    [[2], [2], [2]],
  );
});

test('boxes without area or with NaN are dropped and counted', () => {
  const broken = [
    { ...person(100, 300), right: 80 },
    { ...person(100, 300), top: Number.NaN },
    { ...person(100, 300), right: Infinity },
  ];
  const { state } = film([broken]);
  assert.deepEqual([state.tracks.length, state.dropped], [0, 3]);
});

test('a picture full of people has at most two hundred tracks, and the rest is counted as dropped', () => {
  const crowd = times(250, (index) => person(50 * (index % 25), 120 * Math.floor(index / 25), 0.9 - index / 1000));
  const { state } = film([crowd]);
  assert.deepEqual([state.tracks.length, state.dropped], [200, 50]);
  const elsewhere = film([crowd.map((detection) => ({ ...detection, left: detection.left + 5000, right: detection.right + 5000 }))], {
    state,
    start: 0.1,
  });
  assert.deepEqual([elsewhere.state.tracks.length, elsewhere.state.dropped], [200, 300]);
});

const anyDetection = record({
  left: double({ min: 0, max: 700, noNaN: true }),
  top: double({ min: 0, max: 400, noNaN: true }),
  width: double({ min: 1, max: 80, noNaN: true }),
  height: double({ min: 1, max: 160, noNaN: true }),
  score: double({ min: 0, max: 1, noNaN: true }),
}).map(({ left, top, width, height, score }): Detection => ({ left, top, right: left + width, bottom: top + height, score }));

test('a tracker restored from JSON in the middle of any film continues bit by bit', () => {
  always(
    property(array(array(anyDetection, { maxLength: 8 }), { maxLength: 25 }), integer({ min: 0, max: 25 }), (frames, cut) => {
      const undisturbed = film(frames);
      const first = film(frames.slice(0, cut));
      const restored = JSON.parse(JSON.stringify(first.state)) as TrackerState;
      assert.deepEqual(restored, first.state);
      const second = restFrom(frames, cut, restored);
      assert.deepEqual(second.frames, undisturbed.frames.slice(cut));
      assert.deepEqual(second.state, undisturbed.state);
    }),
  );
});

test('in any film the tracks are unique, in order, and made of finite numbers', () => {
  always(
    property(array(array(anyDetection, { maxLength: 8 }), { maxLength: 25 }), (frames) => {
      for (const tracks of film(frames).frames) {
        const ids = tracks.map((track) => track.id);
        assert.deepEqual(
          ids,
          [...new Set(ids)].toSorted((one, other) => one - other),
        );
        assert.ok(
          tracks.every(
            ({ box }) => Number.isFinite(box.left + box.top + box.right + box.bottom) && box.right > box.left && box.bottom > box.top,
          ),
        );
      }
    }),
  );
});

/** The frames from `cut` on, at the times they have in the whole film. */
function restFrom(
  frames: readonly (readonly Detection[])[],
  cut: number,
  restored: TrackerState,
): { state: TrackerState; frames: Track[][] } {
  const seen: Track[][] = [];
  let state = restored;
  for (const [index, detections] of frames.entries()) {
    if (index < cut) continue;
    const step = trackStep(state, detections, index / 10, settings);
    state = step.state;
    seen.push(step.tracks);
  }
  return { state, frames: seen };
}
