/** A camera whose connection breaks, or whose clock jumps: what a reader of the recording gets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Camera, CameraItem } from '../camera/camera.ts';
import { CameraFault } from '../camera/faults.ts';
import { camera, codec, fromTheBeginning, never, picture, shape } from '../fixtures/live.ts';
import { LiveRecording } from './live.ts';
import type { LogEntry, Start } from './recording.ts';

/** Runs the recording and reads until `count` entries came. */
async function film(source: Camera, { elapsed = [0], count = 1 } = {}) {
  const stop = new AbortController();
  const clock = elapsed[Symbol.iterator]();
  const recording = new LiveRecording({
    camera: source,
    limits: { seconds: 1000, bytes: 1e9 },
    elapsedMicros: () => clock.next().value ?? 0,
    onState: () => undefined,
    giveUp: () => false,
    random: Math.random,
  });
  const running = recording.run(stop.signal);
  const entries: LogEntry[] = [];
  for await (const entry of recording.read(fromTheBeginning, stop.signal)) {
    entries.push(entry);
    if (entries.length === count) break;
  }
  stop.abort(new Error('enough'));
  await running;
  return entries;
}

test('numbers and times continue over a reconnect, and the time between is declared', async () => {
  const source = camera([picture(7000, true), picture(107_000)], [picture(0, true), picture(100_000)]);
  const entries = await film(source, { elapsed: [0, 5_000_000], count: 6 });
  assert.deepEqual(shape(entries), ['start', '1@0', '2@100000', 'gap 2-3 100000-5000000 CAMERA_LOST', '3@5000000', '4@5100000']);
});

test('after a reconnect everything before the first keyframe is skipped: nothing could decode it', async () => {
  const source = camera([picture(0, true)], [picture(0), picture(100_000, true)]);
  const entries = await film(source, { elapsed: [0, 9_000_000], count: 4 });
  assert.deepEqual(shape(entries), ['start', '1@0', 'gap 1-2 0-9000000 CAMERA_LOST', '2@9000000']);
});

test('what is shown before the first keyframe, and sent after it, is skipped: it would be from before the session', async () => {
  const source = camera([picture(300_000, true), picture(100_000), picture(200_000), picture(400_000)]);
  assert.deepEqual(shape(await film(source, { elapsed: [150_000], count: 4 })), ['start', '1@150000', '2@50000', '3@250000']);
});

test('a camera clock that jumps is an interruption, and the time that really passed counts', async () => {
  const source = camera([picture(0, true), picture(100_000), picture(99_000_000, true)]);
  const entries = await film(source, { elapsed: [0, 200_000], count: 5 });
  assert.deepEqual(shape(entries), ['start', '1@0', '2@100000', 'gap 2-3 100000-200000 CAMERA_LOST', '3@200000']);
});

test('after the recording has stopped, a reader gets what the ring still holds, then the end, which is a pause', async () => {
  const stop = new AbortController();
  const recording = new LiveRecording({
    camera: camera([picture(0, true), picture(100_000), picture(200_000)]),
    limits: { seconds: 60, bytes: 1e9 },
    elapsedMicros: () => 0,
    onState: ({ units }) => {
      if (units === 3) stop.abort(new Error('the agent leaves'));
    },
    giveUp: () => false,
    random: () => 0,
  });
  await recording.run(stop.signal);
  const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
  assert.deepEqual(shape(entries), ['start', '1@0', '2@100000', '3@200000', 'end']);
  assert.deepEqual(entries.at(-1), { kind: 'end', lastNumber: 3, paused: true });
  const fromNewer: Start = { ...fromTheBeginning, from: 4 };
  assert.deepEqual(await Array.fromAsync(recording.read(fromNewer, never)), [], 'there is nothing to start with');
});

test('a camera that fails is tried again after longer and longer waits, up to 15 s, and soon again once it gave video', async () => {
  const stop = new AbortController();
  const waits: number[] = [];
  const missing = new CameraFault('CredentialsMissing', 'The secret has no key password.');
  const recording = new LiveRecording({
    camera: {
      async *read(): AsyncGenerator<CameraItem> {
        await Promise.resolve();
        if (waits.length === 8) {
          yield { kind: 'codec', codec };
          yield { kind: 'unit', unit: picture(0, true) };
        }
        throw missing;
      },
    },
    limits: { seconds: 60, bytes: 1e9 },
    elapsedMicros: () => 0,
    onState: () => undefined,
    giveUp: () => false,
    wait: (seconds) => {
      waits.push(seconds);
      if (waits.length === 10) stop.abort();
      return Promise.resolve();
    },
    random: () => 1,
  });
  await recording.run(stop.signal);
  assert.deepEqual(waits, [0.5, 1, 2, 4, 8, 15, 15, 15, 0.5, 1]);
});
