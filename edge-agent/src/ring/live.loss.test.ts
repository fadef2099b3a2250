/** What a reader gets when the ring has evicted what it needs: gaps, exact to the access unit. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { camera, fromTheBeginning, gapsOf, never, numbersOf, picture, pictures, range, record } from '../fixtures/live.ts';
import type { LogEntry, Start } from './recording.ts';

test('a reader whose place was evicted gets a gap, exact to the access unit', async () => {
  const recording = await record(camera(pictures(40)), 40, { limits: { seconds: 2, bytes: 1e9 } });
  const start: Start = { from: 1, counted: { position: 4, presentationMicros: 300_000 }, reason: 'RING_FULL' };
  const entries = await Array.fromAsync(recording.read(start, never));
  assert.deepEqual([gapsOf(entries), numbersOf(entries)], [['gap 4-21 300000-2000000 RING_FULL'], range(21, 40)]);
});

test('a long group whose head was evicted was too long for the ring, though its place is still there', async () => {
  const long = Array.from({ length: 65 }, (_, i) => picture(i * 100_000, i % 60 === 0));
  const recording = await record(camera(long), 65, { limits: { seconds: 2, bytes: 1e9 } });
  const counted = { position: 55, presentationMicros: 5_400_000 };
  assert.ok(recording.ring.holding(55));
  const entries = await Array.fromAsync(recording.read({ from: 56, counted, reason: 'RING_FULL' }, never));
  assert.deepEqual([gapsOf(entries), numbersOf(entries)], [['gap 55-61 5400000-6000000 RING_FULL'], range(61, 65)]);
});

test('a replay that loses access units before it reaches what is counted has no end; the next one declares an exact gap', async () => {
  const recording = await record(camera(pictures(20)), 20);
  const start: Start = { from: 1, counted: { position: 9, presentationMicros: 800_000 }, reason: 'RING_FULL' };
  const entries: LogEntry[] = [];
  for await (const entry of recording.read(start, never)) {
    entries.push(entry);
    if (entry.kind === 'unit' && entry.unit.number === 7) recording.release(1_000_000);
  }
  assert.deepEqual([numbersOf(entries), entries.at(-1)?.kind], [range(1, 7), 'unit']);
  assert.equal(recording.keyframeFor(start.counted), undefined);
  const again = await Array.fromAsync(recording.read({ ...start, from: 10 }, never));
  assert.deepEqual([gapsOf(again), numbersOf(again)], [['gap 9-11 800000-1000000 RING_FULL'], range(11, 20)]);
});

suite('of pictures that refer forwards, an evicted group had some left to count, though a later number is counted', () => {
  // 2 is shown last of its group: up to 0.3 s, all but 2 is counted.
  const group = (from: number) => [0, 400, 100, 200, 300].map((milliseconds, i) => picture(from + milliseconds * 1000, i === 0));
  const counted = { position: 5, presentationMicros: 300_000 };
  const gap = 'gap 5-6 300000-500000 RING_FULL';

  test('before it is read again: the time is declared', async () => {
    const recording = await record(camera([...group(0), ...group(500_000)]), 10);
    recording.release(500_000);
    assert.equal(recording.keyframeFor(counted), undefined);
    const entries = await Array.fromAsync(recording.read({ from: 6, counted, reason: 'RING_FULL' }, never));
    assert.deepEqual([gapsOf(entries), numbersOf(entries)], [[gap], range(6, 10)]);
  });

  test('while the reader gets the start: the same', async () => {
    const recording = await record(camera([...group(0), ...group(500_000)]), 10);
    const entries: LogEntry[] = [];
    for await (const entry of recording.read({ from: recording.keyframeFor(counted)!, counted, reason: 'RING_FULL' }, never)) {
      entries.push(entry);
      if (entry.kind === 'start') recording.release(500_000);
    }
    assert.deepEqual([gapsOf(entries), numbersOf(entries)], [[gap], range(6, 10)]);
  });

  test('and nothing is declared where nothing is counted yet', async () => {
    const recording = await record(camera([...group(0), ...group(500_000)]), 10);
    const read = (from: number) =>
      Array.fromAsync(recording.read({ from, counted: { position: from - 1, presentationMicros: 0 }, reason: 'RING_FULL' }, never));
    // Also where a later session begins.
    for (const from of [1, 6]) {
      const entries = await read(from);
      assert.deepEqual([gapsOf(entries), numbersOf(entries)], [[], range(from, 10)]);
    }
  });
});

test('a reader whose first group is evicted while it gets the gap before that group gets a second gap for it', async () => {
  const recording = await record(camera(pictures(30)), 30);
  recording.release(1_000_000);
  const entries: LogEntry[] = [];
  for await (const entry of recording.read(fromTheBeginning, never)) {
    entries.push(entry);
    if (entry.kind === 'gap' && entries.length === 2) recording.release(1_500_000);
  }
  assert.deepEqual(gapsOf(entries), ['gap 0-11 0-1000000 RING_FULL', 'gap 10-16 999999-1500000 RING_FULL']);
  assert.deepEqual(numbersOf(entries), range(16, 30));
});
