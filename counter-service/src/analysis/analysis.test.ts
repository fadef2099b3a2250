import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CameraStreamSpec } from '#crds/schema.ts';
import * as analysis from './analysis.ts';
import { type AnalysisState, analysisStateSchema, changeView, startAnalysis, takeOver, type View } from './analysis.ts';
import { modelInput } from '../fixtures/model-input.ts';
import { committedCounts as committedIn } from '../reporting/reports.ts';

const analyse = (...parameters: Parameters<typeof analysis.analyse>) => analysis.analyse(...parameters).state;
const advance = (...parameters: Parameters<typeof analysis.advance>) => analysis.advance(...parameters).state;
const interrupt = (...parameters: Parameters<typeof analysis.interrupt>) => analysis.interrupt(...parameters).state;
const committedCounts = (state: AnalysisState, session: string, sessionStartMicros: number) =>
  committedIn(state, { session, sessionStartMicros });

const spec = CameraStreamSpec.parse({
  source: { url: 'clip.mp4' },
  lines: [{ name: 'entrance', from: { x: 500, y: 0 }, to: { x: 500, y: 1000 } }],
});
const view: View = {
  lines: spec.lines,
  zones: [],
  picture: { width: 640, height: 480 },
  region: 'full',
  input: modelInput,
};
const frameAt = (state: AnalysisState, seconds: number) =>
  analyse(
    state,
    {
      presentationMicros: seconds * 1e6,
      span: { units: 1, position: Math.round(seconds * 10), newestMicros: seconds * 1e6 },
      detections: [],
    },
    spec.detection,
    view,
  );
const gap = { fromMicros: 2e6, toMicros: 62e6, reason: 'CAMERA_LOST', accessUnits: 0 } as const;
const observed = (state: AnalysisState) => committedCounts(state, 's', 0).observedSeconds;

test('time between two frames is observed, time before the first and over a gap is not', () => {
  let state = frameAt(frameAt(startAnalysis(view, undefined, 0), 1), 2);
  assert.equal(observed(state), 1);
  state = frameAt(interrupt(state, gap, 21, view), 62);
  assert.equal(observed(state), 1);
  assert.equal(observed(frameAt(state, 63)), 2);
});

test('a checkpoint taken within a gap does not make its time observed', () => {
  const stored = JSON.stringify(interrupt(frameAt(frameAt(startAnalysis(view, undefined, 0), 1), 2), gap, 21, view));
  const resumed = changeView(JSON.parse(stored) as AnalysisState, view);
  assert.equal(observed(frameAt(resumed, 62)), 1);
  const replayed = interrupt(resumed, gap, 21, view);
  assert.equal(observed(frameAt(replayed, 62)), 1, 'whether or not the gap is replayed');
  assert.equal(replayed.gaps.count, 1);
});

test('a checkpoint taken in the middle of footage continues to observe', () => {
  const stored = JSON.stringify(frameAt(frameAt(startAnalysis(view, undefined, 0), 1), 2));
  assert.equal(observed(frameAt(changeView(JSON.parse(stored) as AnalysisState, view), 4)), 3);
});

test('access units after the last frame of a gapless piece are observed', () => {
  const state = frameAt(frameAt(startAnalysis(view, undefined, 0), 1), 2);
  assert.equal(observed(advance(state, { units: 10, position: 30, newestMicros: 3e6 }, 3e6)), 2);
});

test('an edit keeps the totals of the camera and of the lines that stay', () => {
  const counts = {
    ...committedCounts(startAnalysis(view, undefined, 0), 's', 0),
    in: 5,
    out: 1,
    inside: 4,
    lines: [{ name: 'entrance', in: 5, out: 1 }],
  };
  const state = startAnalysis(view, counts, 0);
  const exit = { name: 'exit', from: { x: 1, y: 1 }, to: { x: 9, y: 9 } };
  const wider = committedCounts(changeView(state, { ...view, lines: [...view.lines, exit] }), 's', 0);
  assert.deepEqual(wider.lines, [
    { name: 'entrance', in: 5, out: 1 },
    { name: 'exit', in: 0, out: 0 },
  ]);
  const other = committedCounts(changeView(state, { ...view, lines: [exit] }), 's', 0);
  assert.deepEqual(
    [other.in, other.out, other.lines],
    [
      5,
      1,
      [
        { name: 'exit', in: 0, out: 0 },
        { name: 'entrance', in: 5, out: 1 },
      ],
    ],
  );
});

test('a gap empties the zones', () => {
  const zoned = {
    ...view,
    zones: [
      {
        name: 'hall',
        polygon: [
          { x: 0, y: 0 },
          { x: 1000, y: 0 },
          { x: 1000, y: 1000 },
          { x: 0, y: 1000 },
        ],
      },
    ],
  };
  let state = startAnalysis(zoned, undefined, 0);
  for (const seconds of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) {
    const person = { left: 100, top: 100, right: 150, bottom: 250, score: 0.9 };
    state = analyse(
      state,
      {
        presentationMicros: seconds * 1e6,
        span: { units: 1, position: seconds * 10, newestMicros: seconds * 1e6 },
        detections: [person],
      },
      spec.detection,
      zoned,
    );
  }
  const occupancy = (of: AnalysisState) => committedCounts(of, 's', 0).zones[0]?.occupancy;
  assert.equal(occupancy(state), 1);
  assert.equal(occupancy(interrupt(state, gap, 7, zoned)), 0);
});

test('what another session has counted of the same time is not counted again', () => {
  const state = takeOver(startAnalysis(view, undefined, 0), { fromMicros: 30e6, reason: 'AGENT_REPLACED' });
  assert.equal(state.presentationMicros, 30e6, 'frames up to there are skipped');
  const { gaps } = frameAt(state, 30.1);
  assert.deepEqual(gaps.last, { fromMicros: 30e6, toMicros: 30.1e6, reason: 'AGENT_REPLACED', accessUnits: 0 });
});

test('the gap of a takeover lasts until the first frame, however long the camera is away', () => {
  const state = takeOver(startAnalysis(view, undefined, 0), { fromMicros: -5e6, reason: 'AGENT_REPLACED' });
  assert.equal(committedCounts(state, 's', 10e6).time, '1970-01-01T00:00:05.000Z', 'so the next counter finds it, too');
  const { gaps, takeover } = frameAt(state, 3600);
  assert.deepEqual([gaps.count, gaps.micros, takeover], [1, 3605e6, undefined]);
  assert.equal(frameAt(frameAt(state, 3600), 3601).gaps.count, 1);
});

test("the agent's own gap and that of a takeover are one gap, which begins where the other session's counts end", () => {
  const state = takeOver(startAnalysis(view, undefined, 12), { fromMicros: 500e6, reason: 'AGENT_REPLACED' });
  const after = interrupt(state, { fromMicros: 0, toMicros: 515e6, reason: 'RING_FULL', accessUnits: 3 }, 16, view);
  assert.deepEqual(after.gaps.last, { fromMicros: 500e6, toMicros: 515e6, reason: 'AGENT_REPLACED', accessUnits: 3 });
  assert.equal(frameAt(after, 515).gaps.count, 1);
});

test('a gap without missing numbers is recorded, for with forward references later pictures may have arrived before the watermark', () => {
  const state = frameAt(frameAt(startAnalysis(view, undefined, 0), 0.1), 0.2);
  const after = interrupt(state, { fromMicros: 0.2e6, toMicros: 0.5e6, reason: 'RING_FULL', accessUnits: 0 }, state.position + 1, view);
  assert.deepEqual([after.position, after.gaps.count, after.gaps.micros], [state.position, 1, 0.3e6]);
});

test('of two gaps in a row the second begins where the first ended, also for a counter that continues in between', () => {
  const state = interrupt(frameAt(startAnalysis(view, undefined, 0), 2), gap, 21, view);
  assert.equal(state.presentationMicros, 62e6 - 1, 'the frame at its end is still to be counted');
  assert.equal(committedCounts(state, 's', 0).time, '1970-01-01T00:01:01.999Z');
  const again = interrupt(state, { ...gap, fromMicros: state.presentationMicros, toMicros: 70e6 }, 31, view);
  assert.deepEqual([again.gaps.count, again.gaps.micros], [2, 68e6 + 1]);
  assert.equal(observed(frameAt(frameAt(again, 70), 71)), 1);
});

test('a gap ends all tracks, and is recorded', () => {
  const person = { left: 100, top: 100, right: 150, bottom: 250, score: 0.9 };
  const seen = [0, 0.1, 0.2, 0.3].reduce(
    (state, seconds) =>
      analyse(
        state,
        {
          presentationMicros: seconds * 1e6,
          span: { units: 1, position: seconds * 10, newestMicros: seconds * 1e6 },
          detections: [person],
        },
        spec.detection,
        view,
      ),
    startAnalysis(view, undefined, 0),
  );
  const after = interrupt(seen, gap, 21, view);
  assert.deepEqual([seen.tracker.tracks.length, after.tracker.tracks.length, after.gaps.last], [1, 0, gap]);
});

const person = (left: number) => ({ left, top: 100, right: left + 50, bottom: 250, score: 0.9 });
const step = (state: AnalysisState, seconds: number, detections: ReturnType<typeof person>[]) =>
  analysis.analyse(
    state,
    {
      presentationMicros: seconds * 1e6,
      span: { units: 1, position: Math.round(seconds * 10), newestMicros: seconds * 1e6 },
      detections,
    },
    spec.detection,
    view,
  );
/** A person walks from one place to the next at ten frames a second; then the picture is empty for three seconds. */
function walk(lefts: readonly number[]) {
  const outcomes: analysis.Outcome[] = [];
  let state = startAnalysis(view, undefined, 0);
  const frames = [...lefts.map((left) => [person(left)]), ...Array.from({ length: 30 }, () => [])];
  for (const [index, detections] of frames.entries()) {
    const next = step(state, index / 10, detections);
    state = next.state;
    outcomes.push(next.outcome);
  }
  return { state, outcomes };
}

test('the outcome of a frame has the people with their boxes, and the crossing with its number', () => {
  const { outcomes } = walk(Array.from({ length: 40 }, (_, index) => 220 + 5 * index));
  assert.equal(outcomes[10]!.tracks.length, 1);
  assert.ok(Math.abs(outcomes[10]!.tracks[0]!.box.left - 270) < 10);
  const crossings = outcomes.flatMap((outcome) => outcome.crossings);
  assert.deepEqual(
    crossings.map(({ number, line, direction, lineIn, lineOut }) => ({ number, line, direction, lineIn, lineOut })),
    [{ number: 1, line: 'entrance', direction: 'out', lineIn: 0, lineOut: 1 }],
  );
  assert.deepEqual(
    outcomes.flatMap((outcome) => outcome.uncounted),
    [],
  );
});

test('a person whom the model finds twice, the second time beside the first, is counted once', () => {
  let state = startAnalysis(view, undefined, 0);
  for (const index of Array.from({ length: 40 }).keys()) {
    const left = 220 + 5 * index;
    state = step(state, index / 10, [person(left), { ...person(left + 16), score: 0.6 }]).state;
  }
  assert.equal(state.counter.out, 1);
});

test('a person who came near the line and was not counted has a reason', () => {
  const { outcomes } = walk([...Array.from({ length: 8 }, (_, index) => 200 + 3 * index), ...Array.from({ length: 8 }, () => 221)]);
  assert.deepEqual(
    outcomes.flatMap((outcome) => outcome.uncounted),
    [{ line: 'entrance', track: 1, reason: 'StayedOnOneSide' }],
  );
});

test('a gap after which the picture has another size ends the stays of the old one', () => {
  const hall = {
    name: 'hall',
    polygon: [
      { x: 0, y: 0 },
      { x: 1000, y: 0 },
      { x: 1000, y: 1000 },
      { x: 0, y: 1000 },
    ],
  };
  const zoned = { ...view, zones: [hall] };
  let state = startAnalysis(zoned, undefined, 0);
  for (let index = 0; index < 6; index += 1) {
    const span = { units: 1, position: index + 1, newestMicros: index * 1e5 };
    state = analyse(state, { presentationMicros: index * 1e5, span, detections: [person(100)] }, spec.detection, zoned);
  }
  const { outcome, state: after } = analysis.interrupt(state, gap, 21, { ...zoned, picture: { width: 320, height: 240 } });
  assert.deepEqual(
    outcome.visits.map(({ zone, track }) => [zone, track]),
    [['hall', 1]],
  );
  assert.deepEqual(after.counter.zones[0]?.polygon[1], { x: 320, y: 0 });
});

test('a gap ends tracks, with a number of its own', () => {
  const { state } = [0, 1, 2, 3, 4].reduce(
    (before, index) => step(before.state, (index + 1) / 10, [person(220 + 3 * index)]),
    step(startAnalysis(view, undefined, 0), 0, []),
  );
  const { outcome } = analysis.interrupt(state, gap, 21, view);
  assert.deepEqual(outcome.gap, { ...gap, number: 1 });
  assert.deepEqual(outcome.uncounted, [{ line: 'entrance', track: 1, reason: 'HiddenByGap' }]);
  assert.equal(analysis.interrupt(analysis.interrupt(state, gap, 21, view).state, gap, 21, view).outcome.gap, undefined, 'once');
});

test('a frame that is counted already is refused: the people on it would be counted twice', () => {
  const { state } = step(startAnalysis(view, undefined, 0), 1, []);
  const message = 'The frame at 1000000 us is not after the watermark, 1000000 us.';
  assert.throws(() => step(state, 1, [person(220)]), { name: 'RangeError', message });
});

test('the time of a frozen picture is doubtful, not observed, and the finding outlives a checkpoint', () => {
  const measure = { samples: new Uint8Array(576).fill(90), mean: 90, contrast: 40, steepest: 60 };
  let state = startAnalysis(view, undefined, 0);
  const changes: unknown[] = [];
  const see = (seconds: number, frame: object) => {
    const span = { units: 1, position: seconds * 4, newestMicros: seconds * 1e6 };
    const next = analysis.analyse(state, { presentationMicros: seconds * 1e6, span, detections: [], ...frame }, spec.detection, view);
    state = analysisStateSchema.parse(JSON.parse(JSON.stringify(next.state)));
    changes.push(...next.outcome.findings);
  };
  for (let second = 0; second <= 30; second += 0.25) see(second, { measure });
  const counts = committedCounts(state, 's', 0);
  assert.deepEqual([counts.observedSeconds, counts.doubtfulSeconds], [0, 30]);
  assert.deepEqual(counts.findings, [
    {
      type: 'PictureUsable',
      reason: 'PictureFrozen',
      message: 'The picture has not changed at all for 30 s: nobody can be counted in it.',
      since: '1970-01-01T00:00:00.000Z',
    },
  ]);
  see(31, { measure: { ...measure, samples: new Uint8Array(576).fill(120) } });
  const after = committedCounts(state, 's', 0);
  assert.deepEqual([after.observedSeconds, after.doubtfulSeconds, after.findings], [1, 30, []]);
  assert.deepEqual(changes, [
    { type: 'PictureUsable', before: undefined, reason: 'PictureFrozen' },
    { type: 'PictureUsable', before: 'PictureFrozen', reason: undefined },
  ]);
});

test('a checkpoint from before there were findings is read, and the analysis goes on', () => {
  const { doubtfulMicros, picture, findings, pace, certainty, ...earlier } = startAnalysis(view, undefined, 0);
  assert.deepEqual(analysisStateSchema.parse(earlier), { ...earlier, doubtfulMicros, picture, findings, pace, certainty });
});

test('a suspicion that a gap or the end of the stream cuts short was observed', () => {
  const measure = { samples: new Uint8Array(576).fill(90), mean: 90, contrast: 40, steepest: 60 };
  const frame = (seconds: number) => ({
    presentationMicros: seconds * 1e6,
    span: { units: 1, position: seconds, newestMicros: seconds * 1e6 },
    detections: [],
    measure,
  });
  let state = startAnalysis(view, undefined, 0);
  for (let second = 0; second <= 10; second += 1) state = analyse(state, frame(second), spec.detection, view);
  assert.equal(observed(state), 0);
  const cut = { fromMicros: 10e6, toMicros: 12e6, reason: 'CAMERA_LOST', accessUnits: 0 } as const;
  assert.equal(observed(interrupt(state, cut, 12, view)), 10);
  assert.equal(observed(analysis.finish(state)), 10);
});
