import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Committed } from './ledgers.ts';
import { judge } from './verdict.ts';

const crossing = (line: string, frame: number) => JSON.stringify({ line, frame });
const committed = (entered: number, crossings: string[] | undefined, position = 9): Committed => ({
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
  crossings,
});
const two = committed(2, [crossing('door', 3), crossing('door', 7)]);

test('the same counts and crossings are as they should be', () => {
  assert.deepEqual(judge(two, two, []), { lost: 0, doubled: 0, problems: [] });
});

test('a crossing that is missing is lost, and one that is there twice is doubled', () => {
  const [first, second] = two.crossings as [string, string];
  assert.equal(judge(committed(1, [second]), two, []).lost, 1);
  const { lost, doubled } = judge(committed(3, [first, first, second]), two, []);
  assert.deepEqual([lost, doubled], [0, 1]);
});

test('one lost and another doubled is no right total', () => {
  const [first] = two.crossings as [string];
  const { lost, doubled, problems } = judge(committed(2, [first, first]), two, []);
  assert.deepEqual([lost, doubled, problems.length], [1, 1, 2]);
});

test('where there are no crossings, totals tell', () => {
  assert.equal(judge(committed(1, undefined), two, []).lost, 1);
  assert.equal(judge(committed(4, undefined), two, []).doubled, 2);
});

test('another position is a problem, unless it is of no account', () => {
  const elsewhere = committed(2, two.crossings as string[], 8);
  assert.deepEqual(judge(elsewhere, two, []).problems, ['position is 8, and should be 9']);
  assert.deepEqual(judge(elsewhere, two, ['position']).problems, []);
});

test('crossings in another order are a problem', () => {
  assert.deepEqual(judge(committed(2, two.crossings!.toReversed()), two, []).problems, ['the crossings are in another order']);
});

test('nothing committed is everything lost', () => {
  const { lost, problems } = judge({ counts: undefined, crossings: [] }, two, []);
  assert.equal(lost, 2);
  assert.ok(problems.includes('in is undefined, and should be 2'));
});
