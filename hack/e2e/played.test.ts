import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIP_SECONDS, type Commit, type Gap, gapsOf, judge } from './played.ts';

/** Seconds since the camera began. */
const at = (seconds: number, entrance: number, exit: number): Commit => ({ time: seconds * 1000, totals: { entrance, exit } });
const gap = (from: number, to: number, whole = true): Gap => ({ from: from * 1000, to: to * 1000, whole });
const judgeCommits = (commits: readonly Commit[], gaps: readonly Gap[] = [], starts = [0]) =>
  judge({ commits, gaps, starts: starts.map((start) => start * 1000) });

test('without a gap each commit must have exactly the crossings that were played', () => {
  assert.deepEqual(judgeCommits([at(10, 1, 0), at(30, 2, 1), at(138, 6, 6)]), { crossings: 12, uncertain: 0 });
  assert.throws(() => judgeCommits([at(10, 1, 0), at(30, 1, 1), at(138, 6, 6)]), {
    message: 'At 1970-01-01T00:00:30.000Z entrance has 1; the camera had played 2 outside of the declared gaps.',
  });
  assert.throws(() => judgeCommits([at(138, 6, 7)]), /exit has 7/);
});

test('the camera plays its clip in a loop', () => {
  assert.deepEqual(judgeCommits([at(CLIP_SECONDS + 10, 7, 6)]), { crossings: 13, uncertain: 0 });
});

test('a crossing within a gap must not be counted, and one outside of it must', () => {
  const gaps = [gap(21, 30)];
  assert.deepEqual(judgeCommits([at(60, 2, 2)], gaps), { crossings: 5, uncertain: 0 });
  assert.throws(() => judgeCommits([at(60, 3, 2)], gaps), /entrance has 3; the camera had played 2/);
  assert.throws(() => judgeCommits([at(60, 1, 2)], gaps), /entrance has 1; the camera had played 2/);
});

test('a crossing just after a gap may be counted or not', () => {
  const gaps = [gap(21, 22.5)];
  for (const entrance of [2, 3]) assert.deepEqual(judgeCommits([at(60, entrance, 2)], gaps), { crossings: 5, uncertain: 1 });
  assert.throws(() => judgeCommits([at(60, 1, 2)], gaps), /entrance has 1; the camera had played 2 to 3/);
});

test('a crossing may be counted or not in a period with gaps of unknown times', () => {
  for (const entrance of [2, 3])
    assert.deepEqual(judgeCommits([at(60, entrance, 2)], [gap(21, 30, false)]), { crossings: 5, uncertain: 1 });
});

test('a restarted camera plays the clip from its start', () => {
  assert.deepEqual(judgeCommits([at(12, 1, 0), at(120, 2, 0)], [gap(12.5, 110.5)], [0, 110]), { crossings: 10, uncertain: 0 });
});

test('a stream without commits fails', () => {
  assert.throws(() => judgeCommits([]), { message: 'Nothing was committed.' });
});

test('a status has the latest gap only: earlier ones are known by the period in which they were', () => {
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
  const status = (time: number, count: number, from: number, to: number) => ({
    time: iso(time),
    gaps: { count, seconds: 1, last: { from: iso(from), to: iso(to), reason: 'CameraLost', accessUnits: 0 } },
  });
  assert.deepEqual(
    gapsOf([{ time: iso(5), gaps: { count: 0, seconds: 0 } }, status(10, 1, 6, 7), status(11, 1, 6, 8), status(30, 3, 20, 25)]),
    [gap(6, 8), gap(20, 25), gap(11, 20, false)],
  );
});
