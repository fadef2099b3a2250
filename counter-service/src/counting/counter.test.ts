import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as always, boolean, integer, property, record } from 'fast-check';
import type { Track } from '../tracking/track.ts';
import {
  changeLayout,
  type CounterState,
  countStep,
  createCounter,
  type CrossingEvent,
  endTracks,
  totalsOf,
  zoneCounts,
} from './counter.ts';
import type { Layout } from './layout.ts';

/** A picture of 1000 x 1000, so that thousandths are pixels; the door is walked through from left to right to get in. */
const layout: Layout = {
  picture: { width: 1000, height: 1000 },
  lines: [{ name: 'door', from: { x: 500, y: 600 }, to: { x: 500, y: 400 } }],
  zones: [
    {
      name: 'queue',
      polygon: [
        { x: 600, y: 400 },
        { x: 800, y: 400 },
        { x: 800, y: 600 },
        { x: 600, y: 600 },
      ],
    },
  ],
};

/** A person 100 tall, so that the clearance is 10 pixels, whose feet are at the place. */
function at(x: number, y = 500, more: Partial<Track> = {}): Track {
  return { id: 1, box: { left: x - 20, top: y - 100, right: x + 20, bottom: y }, matched: true, confirmed: true, ...more };
}

function film(
  frames: readonly (readonly Track[])[],
  start: CounterState = createCounter(layout),
): { state: CounterState; events: CrossingEvent[]; occupancy: number[] } {
  let state = start;
  const events: CrossingEvent[] = [];
  const occupancy: number[] = [];
  for (const [index, tracks] of frames.entries()) {
    const step = countStep(state, tracks, [], { time: index / 10, frame: index });
    state = step.state;
    events.push(...step.crossings);
    occupancy.push(...zoneCounts(state).map((zone) => zone.occupancy));
  }
  return { state, events, occupancy };
}

const walk = (...places: number[]) => places.map((x) => [at(x)]);

const walks: { sentence: string; frames: Track[][]; crossings: string }[] = [
  { sentence: 'left to right is in', frames: walk(450, 480, 500, 520), crossings: 'in@3' },
  { sentence: 'right to left is out', frames: walk(520, 500, 480), crossings: 'out@2' },
  { sentence: 'to and fro is in and out', frames: walk(480, 520, 480), crossings: 'in@1 out@2' },
  { sentence: 'up to the line and back is nothing', frames: walk(450, 495, 505, 495, 450), crossings: '' },
  {
    sentence: 'trembling on the line and then going in is one crossing',
    frames: walk(480, 495, 505, 492, 509, 495, 520),
    crossings: 'in@6',
  },
  { sentence: 'appearing on the line and going in is nothing: the person was not seen outside', frames: walk(500, 520), crossings: '' },
  { sentence: 'exactly the clearance is not yet beyond', frames: walk(480, 510), crossings: '' },
  { sentence: 'a long step over the line counts', frames: walk(300, 700), crossings: 'in@1' },
  { sentence: 'passing beyond the end of the line is nothing', frames: [[at(480, 650)], [at(520, 650)]], crossings: '' },
  {
    sentence: 'around the end and back through the door is a crossing each time through the door',
    frames: [[at(480, 650)], [at(520, 650)], [at(520)], [at(480)]],
    crossings: 'out@3',
  },
  {
    sentence: 'a predicted place proves nothing',
    frames: [[at(480)], [at(520, 500, { matched: false })], [at(480)]],
    crossings: '',
  },
  {
    sentence: 'hidden while crossing is counted on coming out',
    frames: [[at(480)], [at(500, 500, { matched: false })], [at(530)]],
    crossings: 'in@2',
  },
  {
    sentence: 'a track that is confirmed beyond the line came from where it was first seen',
    frames: [[at(480, 500, { confirmed: false })], [at(520, 500, { confirmed: false })], [at(540)]],
    crossings: 'in@2',
  },
  {
    sentence: 'a track that is never confirmed is nothing',
    frames: [[at(480, 500, { confirmed: false })], [at(520, 500, { confirmed: false })], []],
    crossings: '',
  },
  { sentence: 'another track on the other side is nothing', frames: [[at(480)], [at(520, 500, { id: 2 })]], crossings: '' },
  { sentence: 'a track that ended is forgotten', frames: [[at(480)], [], [at(520)]], crossings: '' },
];

for (const { sentence, frames, crossings } of walks) {
  test(sentence, () => {
    assert.equal(
      film(frames)
        .events.map((event) => `${event.direction}@${event.frame}`)
        .join(' '),
      crossings,
    );
  });
}

test('small people have a clearance of four pixels', () => {
  const [nearly, outside, inside] = [496, 495, 505].map((x) => [{ ...at(x), box: { left: x - 5, top: 480, right: x + 5, bottom: 500 } }]);
  assert.equal(film([nearly!, inside!]).events.length, 0);
  assert.equal(film([outside!, inside!]).events.length, 1);
});

test('thousandths are taken of width and height', () => {
  const wide = createCounter({ ...layout, picture: { width: 2000, height: 500 } });
  assert.deepEqual(
    [wide.lines[0]?.from, wide.lines[0]?.to],
    [
      { x: 1000, y: 300 },
      { x: 1000, y: 200 },
    ],
  );
});

test('an event says which line, direction, track, frame and time', () => {
  assert.deepEqual(film(walk(480, 520)).events, [
    { number: 1, line: 'door', direction: 'in', time: 0.1, frame: 1, track: 1, lineIn: 1, lineOut: 0 },
  ]);
});

test('totals are kept for the camera and for each line', () => {
  const { state } = film([
    [at(480), at(520, 500, { id: 2 })],
    [at(520), at(480, 500, { id: 2 })],
    [at(480), at(480, 500, { id: 2 })],
  ]);
  assert.deepEqual(totalsOf(state), { in: 1, out: 2, inside: 0, lines: [{ name: 'door', in: 1, out: 2 }] });
});

test('a person who was inside before the first count and leaves does not hide a later visitor', () => {
  const { state } = film([...walk(520, 480), ...walk(480, 520)]);
  assert.deepEqual([state.in, state.out, state.inside], [1, 1, 1]);
});

test('a new counter continues from the totals of the ledger', () => {
  const state = createCounter(layout, {
    in: 7,
    out: 3,
    inside: 4,
    lines: [
      { name: 'gone', in: 2, out: 1 },
      { name: 'door', in: 5, out: 2 },
    ],
  });
  const lines = [
    { name: 'door', in: 6, out: 2 },
    { name: 'gone', in: 2, out: 1 },
  ];
  assert.deepEqual(totalsOf(film(walk(480, 520), state).state), { in: 8, out: 3, inside: 5, lines });
});

test('a moved line keeps its totals and drops the sides of its tracks; an unchanged line keeps both', () => {
  const counted = film([...walk(480, 520, 480)]).state;
  const moved = changeLayout(counted, { ...layout, lines: [{ ...layout.lines[0]!, from: { x: 450, y: 600 } }] });
  assert.deepEqual(totalsOf(moved), totalsOf(counted));
  assert.equal(film(walk(540), moved).events.length, 0);
  assert.equal(film(walk(540), changeLayout(counted, layout)).events.length, 1);
});

test('a removed line keeps its totals, counts no crossings, and continues when it comes back', () => {
  const removed = changeLayout(film(walk(480, 520)).state, { ...layout, lines: [] });
  assert.deepEqual(totalsOf(removed), { in: 1, out: 0, inside: 1, lines: [{ name: 'door', in: 1, out: 0 }] });
  const meanwhile = film(walk(480, 520), removed);
  assert.deepEqual([meanwhile.events, totalsOf(meanwhile.state)], [[], totalsOf(removed)]);
  const back = changeLayout(JSON.parse(JSON.stringify(meanwhile.state)) as CounterState, layout);
  assert.deepEqual(totalsOf(film(walk(480, 520), back).state), { in: 2, out: 0, inside: 2, lines: [{ name: 'door', in: 2, out: 0 }] });
  assert.equal(back.former, undefined, 'and stands there once');
});

test('lines of the spec come first, then removed ones, the latest first, and none that was never crossed', () => {
  const line = (name: string) => ({ ...layout.lines[0]!, name });
  let state = createCounter(layout, { in: 6, out: 0, inside: 6, lines: ['a', 'b', 'c'].map((name) => ({ name, in: 2, out: 0 })) });
  state = changeLayout(state, { ...layout, lines: [line('c'), line('new'), line('a')] });
  state = changeLayout(state, { ...layout, lines: [line('c')] });
  assert.deepEqual(
    totalsOf(state).lines.map(({ name }) => name),
    ['c', 'a', 'b'],
  );
});

test("as many removed lines are kept as a status has room for, and the camera's totals stay", () => {
  const lines = Array.from({ length: 64 }, (_, index) => ({ name: `former ${index}`, in: 1, out: 0 }));
  const totals = totalsOf(createCounter(layout, { in: 64, out: 0, inside: 64, lines }));
  assert.deepEqual([totals.lines.length, totals.lines[0]?.name, totals.lines.at(-1)?.name, totals.in], [64, 'door', 'former 62', 64]);
});

test('a gap drops the people in zones and their sides of lines', () => {
  const { state: lost, visits } = endTracks(film([[at(700), at(480, 500, { id: 2 })]]).state, []);
  assert.deepEqual(zoneCounts(lost), [{ name: 'queue', occupancy: 0 }]);
  assert.equal(film([[at(520, 500, { id: 2 })]], lost).events.length, 0);
  assert.deepEqual(visits, [{ zone: 'queue', track: 1, enteredAt: 0, leftAt: 0 }]);
});

test('a zone counts the people who stand in it, confirmed tracks only', () => {
  assert.deepEqual(
    film([[at(700), at(650, 500, { id: 2 }), at(750, 500, { id: 3, confirmed: false }), at(500, 500, { id: 4 })]]).occupancy,
    [2],
  );
});

test('a person on the border of a zone does not flicker', () => {
  assert.deepEqual(film(walk(595, 605, 595, 605, 591, 589, 595)).occupancy, [0, 1, 1, 1, 1, 0, 0]);
});

test('a person hidden in a zone stays in it for a second', () => {
  const hidden = Array.from({ length: 12 }, () => [at(900, 500, { matched: false })]);
  assert.deepEqual(film([[at(700)], ...hidden]).occupancy, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
});

test('a person who leaves a zone has made a visit, from the first to the last frame there', () => {
  let state = createCounter(layout);
  const visits: unknown[] = [];
  for (const [index, x] of [550, 650, 700, 750, 900, 900].entries()) {
    const step = countStep(state, [at(x)], [], { time: index, frame: index });
    state = step.state;
    visits.push(...step.visits);
  }
  assert.deepEqual(visits, [{ zone: 'queue', track: 1, enteredAt: 1, leftAt: 3 }]);
});

const ends: { sentence: string; frames: Track[][]; reason: string | undefined }[] = [
  { sentence: 'a person who was counted has none', frames: walk(450, 480, 520), reason: undefined },
  { sentence: 'a person who never came near has none', frames: walk(100, 120), reason: undefined },
  { sentence: 'a person who turned back', frames: walk(450, 480, 450), reason: 'StayedOnOneSide' },
  { sentence: 'a person who was last seen on the line', frames: walk(450, 480, 500), reason: 'EndedOnLine' },
  { sentence: 'a person who was only ever seen on the line', frames: walk(498, 501), reason: 'StayedOnLine' },
  { sentence: 'a person who went around its end', frames: [[at(480, 370)], [at(520, 370)]], reason: 'AroundEnd' },
  { sentence: 'a track that was never confirmed', frames: [[at(480, 500, { confirmed: false })]], reason: 'SeenTooRarely' },
];
for (const { sentence, frames, reason } of ends) {
  test(`why a track that ended was not counted: ${sentence}`, () => {
    const { state } = film(frames);
    const { uncounted } = countStep(state, [], frames.at(-1)!, { time: 9, frame: 9 });
    assert.deepEqual(uncounted, reason === undefined ? [] : [{ line: 'door', track: 1, reason }]);
  });
}

test('each crossing has the number that the totals have after it', () => {
  const both = [
    [at(480), at(520, 500, { id: 2 })],
    [at(520), at(480, 500, { id: 2 })],
    [at(480), at(520, 500, { id: 2 })],
  ];
  const { events } = film(both);
  assert.deepEqual(
    events.map(({ number, lineIn, lineOut }) => [number, lineIn, lineOut]),
    [
      [1, 1, 0],
      [2, 1, 1],
      [3, 1, 2],
      [4, 2, 2],
    ],
  );
});

test('a zone is empty as soon as its tracks have ended', () => {
  const { state } = film([[at(700)], []]);
  assert.deepEqual(zoneCounts(state), [{ name: 'queue', occupancy: 0 }]);
});

const anyFrame = array(
  record({
    id: integer({ min: 1, max: 4 }),
    x: integer({ min: 440, max: 640 }),
    y: integer({ min: 380, max: 620 }),
    matched: boolean(),
    confirmed: boolean(),
  }),
  { maxLength: 4 },
).map((people) =>
  people
    .filter((one, index) => people.findIndex((other) => other.id === one.id) === index)
    .toSorted((one, other) => one.id - other.id)
    .map(({ id, x, y, matched, confirmed }) => at(x, y, { id, matched, confirmed })),
);

test('a counter restored from JSON in the middle of any film continues with the same results', () => {
  always(
    property(array(anyFrame, { maxLength: 40 }), integer({ min: 0, max: 40 }), (frames, cut) => {
      let undisturbed = createCounter(layout);
      let restored = undisturbed;
      for (const [index, tracks] of frames.entries()) {
        const moment = { time: index / 10, frame: index };
        if (index === cut) restored = JSON.parse(JSON.stringify(restored)) as CounterState;
        const expected = countStep(undisturbed, tracks, [], moment);
        const actual = countStep(restored, tracks, [], moment);
        assert.deepEqual(actual, expected);
        [undisturbed, restored] = [expected.state, actual.state];
      }
    }),
  );
});

test("in any film totals are the sum of the events, and a track alternates between in and out at a line of the picture's height", () => {
  const wholeHeight: Layout = { ...layout, lines: [{ name: 'door', from: { x: 500, y: 1000 }, to: { x: 500, y: 0 } }] };
  always(
    property(array(anyFrame, { maxLength: 40 }), (frames) => {
      // Tracks never end in this film, so that each is the same person throughout.
      const people = frames.map((tracks) =>
        [1, 2, 3, 4].map((id) => tracks.find((track) => track.id === id) ?? at(500, 500, { id, matched: false })),
      );
      const { state, events } = film(people, createCounter(wholeHeight));
      assert.deepEqual(
        [state.in, state.out],
        ['in', 'out'].map((direction) => events.filter((event) => event.direction === direction).length),
      );
      for (const own of Map.groupBy(events, (event) => event.track).values()) {
        assert.ok(own.every((event, index) => index === 0 || event.direction !== own[index - 1]?.direction));
      }
    }),
  );
});
