import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf } from '../fixtures/objects.ts';
import { neededCounters, PoolSize } from './size.ts';

const counter = (bounds: object) => configOf({ counter: { image: 'counter:1', ...bounds } }).counter;

test('there are as many counters as the streams need, within the bounds', () => {
  const pool = counter({ streamsPerCounter: 8, minimum: 1, maximum: 3 });
  assert.deepEqual(
    [0, 1, 8, 9, 16, 17, 100].map((streams) => neededCounters(streams, pool)),
    [1, 1, 1, 2, 2, 3, 3],
  );
  assert.equal(neededCounters(5, counter({ minimum: 0, maximum: 0 })), 0);
});

test('the pool grows at once, and shrinks when fewer counters have been enough for a minute', () => {
  const size = new PoolSize();
  const bounds = { maximum: 4 };
  assert.deepEqual(size.next(3, 1, bounds, 0), { replicas: 3 });
  assert.deepEqual(size.next(1, 3, bounds, 10), { replicas: 3, shrinkSeconds: 60 });
  assert.deepEqual(size.next(2, 3, bounds, 50), { replicas: 3, shrinkSeconds: 20 });
  assert.deepEqual(size.next(3, 3, bounds, 60), { replicas: 3 }, 'all are needed again: the minute starts again');
  assert.deepEqual(size.next(1, 3, bounds, 70), { replicas: 3, shrinkSeconds: 60 });
  assert.deepEqual(size.next(1, 3, bounds, 130), { replicas: 1 });
});

test('a lower maximum takes effect at once', () => {
  assert.deepEqual(new PoolSize().next(1, 3, { maximum: 2 }, 0), { replicas: 1 });
});
