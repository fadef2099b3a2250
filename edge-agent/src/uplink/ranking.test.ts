import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextInRank, rankCounters } from './ranking.ts';

const counters = ['a:1', 'b:1', 'c:1', 'd:1'];
const streams = Array.from({ length: 1000 }, (_, i) => `uid-${i}`);

test('every agent ranks alike, in whatever order it knows the counters', () => {
  assert.deepEqual(rankCounters('uid-7', counters), rankCounters('uid-7', counters.toReversed()));
});

test('streams spread evenly over the counters', () => {
  const first = Map.groupBy(streams, (stream) => rankCounters(stream, counters)[0]);
  for (const share of first.values()) assert.ok(share.length > 180 && share.length < 320, String(share.length));
});

test('a counter that goes moves its own streams only', () => {
  for (const stream of streams) {
    const ranked = rankCounters(stream, counters);
    assert.deepEqual(
      rankCounters(stream, ['a:1', 'b:1', 'c:1']),
      ranked.filter((counter) => counter !== 'd:1'),
    );
  }
});

test('a round tries each counter once, best first, and is then over', () => {
  const tried = new Set<string>();
  for (let next = nextInRank('uid-7', counters, tried); next !== undefined; next = nextInRank('uid-7', counters, tried)) tried.add(next);
  assert.deepEqual([...tried], rankCounters('uid-7', counters));
});

test('a counter that came in the middle of a round is tried in it; one that went is not', () => {
  const [first, ...rest] = rankCounters('uid-7', counters) as [string, ...string[]];
  assert.equal(nextInRank('uid-7', rest, new Set([first])), rest[0]);
  assert.equal(nextInRank('uid-7', [first, 'new:1'], new Set([first])), 'new:1');
});

test('a name that stands for another counter each time is no endless round', () => {
  assert.equal(nextInRank('uid-7', ['b:1'], new Set(['a:1'])), undefined);
  assert.equal(nextInRank('uid-7', [], new Set()), undefined);
});
