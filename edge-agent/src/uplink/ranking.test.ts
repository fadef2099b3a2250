import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rankCounters } from './ranking.ts';

const counters = ['a:1', 'b:1', 'c:1', 'd:1'];
const streams = Array.from({ length: 1000 }, (_, i) => `uid-${i}`);

test('every agent ranks alike, whatever order it was told', () => {
  assert.deepEqual(rankCounters('uid-7', counters), rankCounters('uid-7', counters.toReversed()));
});

test('streams spread evenly over the counters', () => {
  const first = Map.groupBy(streams, (stream) => rankCounters(stream, counters)[0]);
  for (const share of first.values()) assert.ok(share.length > 180 && share.length < 320, String(share.length));
});

test('a counter that goes moves its own streams only', () => {
  for (const stream of streams) {
    const ranked = rankCounters(stream, counters);
    assert.deepEqual(rankCounters(stream, ['a:1', 'b:1', 'c:1']), ranked.filter((counter) => counter !== 'd:1'));
  }
});
