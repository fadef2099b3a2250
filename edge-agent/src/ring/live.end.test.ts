/** A live source that has an end, and one that waits for the ring. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Camera, CameraItem } from '../camera/camera.ts';
import { codec, fromTheBeginning, gapsOf, never, numbersOf, pictures, range } from '../fixtures/live.ts';
import { LiveRecording } from './live.ts';
import type { LogEntry } from './recording.ts';

/** Of 10 pictures a second, as fast as they are taken. */
const film = (count: number): Camera => ({
  async *read(): AsyncGenerator<CameraItem> {
    yield { kind: 'codec', codec };
    for (const unit of pictures(count)) yield { kind: 'unit', unit };
  },
});

function record(count: number, waits: boolean) {
  const stop = new AbortController();
  const recording = new LiveRecording({
    camera: film(count),
    limits: { seconds: 4, bytes: 1e9 },
    waits,
    elapsedMicros: () => 0,
    onState: () => undefined,
    giveUp: () => false,
    random: () => 0,
  });
  const running = recording.run(stop.signal);
  return { recording, end: () => (stop.abort(new Error('enough')), running) };
}

test('a source that comes to its end is read to its end, which is no pause, and is not connected to again', async () => {
  const { recording, end } = record(20, false);
  const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
  assert.deepEqual(numbersOf(entries), range(1, 20));
  assert.deepEqual(entries.at(-1), { kind: 'end', lastNumber: 20, paused: false });
  await end();
});

test('a source that waits loses nothing to a ring that is smaller than it, however slow its reader is', async () => {
  const { recording, end } = record(300, true);
  const entries: LogEntry[] = [];
  for await (const entry of recording.read(fromTheBeginning, never)) {
    entries.push(entry);
    if (entry.kind !== 'unit') continue;
    assert.ok(recording.ring.seconds <= 4);
    await new Promise(setImmediate);
    if (entry.unit.number % 10 === 0) recording.release(entry.unit.presentationMicros);
  }
  assert.deepEqual(numbersOf(entries), range(1, 300));
  assert.deepEqual(gapsOf(entries), []);
  assert.equal(recording.ring.evictedUnits, 0);
  await end();
});

test('a source that waits is left while it waits', async () => {
  const { recording, end } = record(300, true);
  for await (const _ of recording.read(fromTheBeginning, never)) break;
  await end();
  assert.ok(recording.newestNumber < 300);
});
