import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamEvent } from '#crds/events.ts';
import type { Committed } from './ledgers.ts';
import { judge } from './verdict.ts';

const of = { namespace: 'default', stream: 'door' };
const crossing = (number: number, frame: number): StreamEvent => ({
  ...of,
  id: `u/crossing/${number}`,
  type: 'crossing',
  number,
  line: 'door',
  direction: 'in',
  time: frame / 10,
  frame,
  track: 1,
  lineIn: number,
  lineOut: 0,
});
const loss = (first: number, last: number): StreamEvent => ({
  ...of,
  id: `u/loss/crossing/${first}-${last}`,
  type: 'loss',
  of: 'crossing',
  first,
  last,
  reason: 'OutboxFull',
});
const committed = (entered: number, events: readonly StreamEvent[] | ReadonlyMap<string, StreamEvent[]>, position = 9): Committed => ({
  counts: {
    session: 's',
    position,
    time: '2026-01-01T00:00:00.000Z',
    in: entered,
    out: 0,
    inside: entered,
    lines: [{ name: 'door', in: entered, out: 0 }],
    zones: [],
    observedSeconds: 3,
    gaps: { count: 0, seconds: 0 },
  },
  delivered: events instanceof Map ? (events as ReadonlyMap<string, StreamEvent[]>) : new Map([['counter-1', events as StreamEvent[]]]),
});
const [first, second] = [crossing(1, 3), crossing(2, 7)];
const two = committed(2, [first, second]);
const problemsOf = (events: Parameters<typeof committed>[1], losesEvents?: 'perhaps' | 'surely') =>
  judge(committed(2, events), two, [], losesEvents).problems;

test('equal counts and crossings are no problem, also when two counters delivered them', () => {
  assert.deepEqual(judge(two, two, []), { lost: 0, doubled: 0, problems: [] });
  assert.deepEqual(
    problemsOf(
      new Map([
        ['counter-1', [first, second]],
        ['counter-2', [second]],
      ]),
    ),
    [],
  );
});

test('a missing crossing is lost, and one that is delivered twice is doubled', () => {
  assert.equal(judge(committed(1, [first]), two, []).lost, 1);
  const { lost, doubled } = judge(committed(3, [first, crossing(2, 3), crossing(3, 7)]), two, []);
  assert.deepEqual([lost, doubled], [1, 2], 'the later numbers belong to other crossings');
});

test('a lost and a doubled crossing do not cancel out', () => {
  const { lost, doubled, problems } = judge(committed(2, [first, crossing(2, 3)]), two, []);
  assert.deepEqual([lost, doubled, problems.length], [1, 1, 2]);
});

test('an event that is neither delivered nor declared lost is a problem', () => {
  assert.ok(problemsOf([first]).includes('crossing 2 of 2 is neither delivered nor declared lost'));
});

test('a declared loss is a problem where no event may be lost, and its absence where some must be', () => {
  assert.deepEqual(problemsOf([loss(1, 1), second], 'perhaps'), []);
  assert.deepEqual(problemsOf([loss(1, 1), second]), ['1 events were declared lost for no reason']);
  assert.deepEqual(problemsOf([first, second], 'surely'), ['no event was declared lost although some had no room to wait']);
});

test('an event that reaches a receiver twice, late or with another content is a problem', () => {
  assert.deepEqual(problemsOf([first, second, second]), ['u/crossing/2 came to counter-1 after crossing 2']);
  const other = problemsOf(
    new Map([
      ['counter-1', [first, second]],
      ['counter-2', [crossing(2, 8)]],
    ]),
  );
  assert.match(other[0]!, /^u\/crossing\/2 has two contents/);
});

test('an event that comes though it was declared lost is no problem, once', () => {
  assert.deepEqual(problemsOf([loss(1, 1), second, first], 'perhaps'), []);
  assert.deepEqual(problemsOf([loss(1, 1), second, first, first], 'perhaps'), ['u/crossing/1 came to counter-1 after crossing 2']);
});

test('an event that is not committed is a problem', () => {
  assert.ok(problemsOf([first, second, crossing(3, 9)]).includes('crossing 3 was delivered, and 2 are committed'));
});

test('another position is a problem, unless positions are ignored', () => {
  const elsewhere = committed(2, [first, second], 8);
  assert.deepEqual(judge(elsewhere, two, []).problems, ['position is 8, and should be 9']);
  assert.deepEqual(judge(elsewhere, two, ['position']).problems, []);
});

test('when nothing is committed every crossing is lost', () => {
  const { lost, problems } = judge({ counts: undefined, delivered: new Map() }, two, []);
  assert.equal(lost, 2);
  assert.ok(problems.includes('in is undefined, and should be 2'));
});
