import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairQueue } from './fair-queue.ts';

const always = (): boolean => true;
const sameShape = (one: string, other: string): boolean => one.slice(1) === other.slice(1);

function filled(...items: string[]): FairQueue<string> {
  const queue = new FairQueue<string>();
  for (const item of items) queue.push(item.slice(0, 1), item);
  return queue;
}

test('streams take turns, however many items one of them has', () => {
  const queue = filled('a1', 'a2', 'a3', 'b1', 'c1', 'b2');
  assert.deepEqual(
    Array.from({ length: 6 }, () => queue.take(1, always)[0]),
    ['a1', 'b1', 'c1', 'a2', 'b2', 'a3'],
  );
  assert.deepEqual(queue.take(1, always), []);
});

test('a batch takes one of each stream a round, up to its size', () => {
  const queue = filled('a1', 'a2', 'a3', 'b1', 'c1');
  assert.deepEqual(queue.take(4, always), ['a1', 'b1', 'c1', 'a2']);
  assert.deepEqual(queue.take(4, always), ['a3']);
});

test('an item that does not fit the first one keeps its place for the next batch', () => {
  const queue = filled('a-wide', 'b-tall', 'c-wide', 'a-tall');
  assert.deepEqual(queue.take(8, sameShape), ['a-wide', 'c-wide']);
  assert.deepEqual(queue.take(8, sameShape), ['b-tall', 'a-tall']);
});

test('urgent items go first and alone', () => {
  const queue = filled('a1', 'b1');
  queue.pushUrgent('x');
  assert.deepEqual(queue.take(8, always), ['x']);
  assert.deepEqual(queue.take(8, always), ['a1', 'b1']);
});

test('a removed item is gone, and a stream without items is forgotten', () => {
  const queue = filled('a1', 'a2', 'b1');
  assert.equal(queue.remove('a', 'a1'), true);
  assert.equal(queue.remove('a', 'a1'), false);
  assert.equal(queue.remove('b', 'b1'), true);
  assert.deepEqual([queue.size, queue.waiting('a'), queue.waiting('b')], [1, 1, 0]);
  assert.deepEqual(queue.takeAll(), ['a2']);
  assert.equal(queue.size, 0);
});
