/** A reader with a bounded lag. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { CameraItem } from '../camera/camera.ts';
import { camera, codec, fromTheBeginning, gapsOf, never, numbersOf, pictures, range, record, shape } from '../fixtures/live.ts';
import { LiveRecording } from './live.ts';
import type { LogEntry, Start } from './recording.ts';

suite('a reader with a bounded lag', () => {
  const live = { maxLagSeconds: 1 };

  test('continues at the newest keyframe, and declares what it skipped', async () => {
    const recording = await record(camera(pictures(43)), 43, live);
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(shape(entries).slice(0, 3), ['start', 'gap 0-41 0-4000000 PASSED_OVER', '41@4000000']);
    assert.deepEqual(numbersOf(entries), range(41, 43));
  });

  test('that is too far behind when it returns gets a gap of what it skipped, though the ring had it all', async () => {
    const recording = await record(camera(pictures(40)), 40, live);
    const start: Start = { from: 6, counted: { position: 9, presentationMicros: 800_000 }, reason: 'RING_FULL' };
    const entries = await Array.fromAsync(recording.read(start, never));
    assert.deepEqual([gapsOf(entries), numbersOf(entries)], [['gap 9-36 800000-3500000 PASSED_OVER'], range(36, 40)]);
  });

  test('loses nothing while its lag is within the bound', async () => {
    const recording = await record(camera(pictures(11)), 11, live);
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual([numbersOf(entries), gapsOf(entries)], [range(1, 11), []]);
  });

  test('gets what is counted already, however old: a decoder needs it', async () => {
    const recording = await record(camera(pictures(25)), 25, live);
    const start: Start = { from: 6, counted: { position: 14, presentationMicros: 1_300_000 }, reason: 'RING_FULL' };
    const entries = await Array.fromAsync(recording.read(start, never));
    assert.deepEqual([numbersOf(entries), gapsOf(entries)], [range(6, 25), []]);
  });

  test('that falls behind in the middle is never further behind than that, except by the access unit that it holds', async () => {
    const stop = new AbortController();
    // The reader takes one for every four of these.
    const made = { newest: 0, allowed: 4 };
    const changed = new ConditionVariable();
    const recording = new LiveRecording({
      camera: {
        async *read(): AsyncGenerator<CameraItem> {
          yield { kind: 'codec', codec };
          for (const unit of pictures(200)) {
            while (made.newest === made.allowed) await changed.wait(never);
            yield { kind: 'unit', unit };
            made.newest += 1;
            changed.notify();
          }
          stop.abort(new Error('enough'));
        },
      },
      limits: { seconds: 1000, bytes: 1e9 },
      elapsedMicros: () => 0,
      onState: () => undefined,
      giveUp: () => false,
      wait: () => Promise.resolve(),
      random: () => 0,
      ...live,
    });
    const running = recording.run(stop.signal);
    const entries: LogEntry[] = [];
    for await (const entry of recording.read(fromTheBeginning, never)) {
      entries.push(entry);
      if (entry.kind !== 'unit') continue;
      assert.ok(made.newest - entry.unit.number <= 10 + 4, `${entry.unit.number} of ${made.newest}`);
      made.allowed = Math.min(200, made.allowed + 4);
      changed.notify();
      while (made.newest < made.allowed) await changed.wait(never);
    }
    await running;
    const numbers = numbersOf(entries);
    const gaps = entries.flatMap((entry) => (entry.kind === 'gap' ? [entry.gap] : []));
    assert.ok(gaps.length > 5 && gaps.every(({ next }) => next % 5 === 1));
    const passedOver = gaps.flatMap(({ after, next }) => range(after + 1, next - 1));
    assert.deepEqual(
      [...numbers, ...passedOver].toSorted((a, b) => a - b),
      range(1, 200),
      'sent and declared are all there was, each once',
    );
  });
});
