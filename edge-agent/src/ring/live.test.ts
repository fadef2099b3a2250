/** Films of a camera that breaks: what a reader of the recording is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessUnit } from '#proto/media/nut.ts';
import type { Camera, CameraItem } from '../camera/camera.ts';
import { CameraFault } from '../camera/faults.ts';
import { LiveRecording } from './live.ts';
import type { Entry, Start } from './recording.ts';

const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 640, height: 360, decodeDelay: 0 };
const fromTheBeginning: Start = { from: 1, counted: { position: 0, presentationMicros: 0 }, reason: 'RING_FULL' };

const picture = (presentationMicros: number, keyframe = false): AccessUnit => ({
  presentationMicros,
  keyframe,
  data: new Uint8Array(100),
});

/** A camera that plays these connects one after the other, then is silent. */
function camera(...connects: AccessUnit[][]): Camera {
  return {
    async *read(signal): AsyncGenerator<CameraItem> {
      const units = connects.shift();
      if (units === undefined) {
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
        return;
      }
      yield { kind: 'codec', codec };
      for (const unit of units) yield { kind: 'unit', unit };
      throw new CameraFault('CameraLost', 'The camera hung up.');
    },
  };
}

/** Runs the recording and reads until `count` entries came. */
async function film(source: Camera, { elapsed = [0], start = fromTheBeginning, count = 1, seconds = 1000 } = {}) {
  const stop = new AbortController();
  const clock = elapsed[Symbol.iterator]();
  const recording = new LiveRecording({
    camera: source,
    limits: { seconds, bytes: 1e9 },
    elapsedMicros: () => clock.next().value ?? 0,
    onState: () => undefined,
    giveUp: () => false,
    random: Math.random,
  });
  const running = recording.run(stop.signal);
  const entries: Entry[] = [];
  for await (const entry of recording.read(start, stop.signal)) {
    entries.push(entry);
    if (entries.length === count) break;
  }
  stop.abort(new Error('enough'));
  await running;
  return entries;
}

const shape = (entries: Entry[]) =>
  entries.map((entry) => {
    if (entry.kind === 'unit') return `${entry.unit.number}@${entry.unit.presentationMicros}`;
    if (entry.kind === 'gap') return `gap ${entry.gap.after}-${entry.gap.next} ${entry.gap.fromMicros}-${entry.gap.toMicros} ${entry.gap.reason}`;
    return entry.kind;
  });

test('numbers and times go on over a reconnect, and the time between is declared', async () => {
  const source = camera([picture(7000, true), picture(107_000)], [picture(0, true), picture(100_000)]);
  const entries = await film(source, { elapsed: [0, 5_000_000], count: 6 });
  assert.deepEqual(shape(entries), ['start', '1@0', '2@100000', 'gap 2-3 100000-5000000 CAMERA_LOST', '3@5000000', '4@5100000']);
});

test('after a reconnect everything before the first keyframe is passed over: nothing could decode it', async () => {
  const source = camera([picture(0, true)], [picture(0), picture(100_000, true)]);
  const entries = await film(source, { elapsed: [0, 9_000_000], count: 4 });
  assert.deepEqual(shape(entries), ['start', '1@0', 'gap 1-2 0-9000000 CAMERA_LOST', '2@9000000']);
});

test('a camera clock that jumps is an interruption, and the time that really passed counts', async () => {
  const source = camera([picture(0, true), picture(100_000), picture(99_000_000, true)]);
  const entries = await film(source, { elapsed: [0, 200_000], count: 5 });
  assert.deepEqual(shape(entries), ['start', '1@0', '2@100000', 'gap 2-3 100000-200000 CAMERA_LOST', '3@200000']);
});

test('a reader whose place has left the ring is told what it lost, to the access unit', async () => {
  const second = (from: number) => Array.from({ length: 10 }, (_, i) => picture(from * 1e6 + i * 100_000, i === 0));
  const source = camera([...second(0), ...second(1), ...second(2), ...second(3)]);
  const start: Start = { from: 1, counted: { position: 4, presentationMicros: 300_000 }, reason: 'RING_FULL' };
  const entries = await film(source, { start, seconds: 2, count: 3 });
  // The reader waits for nothing: it starts when the first group is there, or finds the first one left.
  const gap = entries.find((entry) => entry.kind === 'gap');
  if (gap === undefined) assert.equal(shape(entries)[1], '1@0');
  else assert.equal(gap.gap.after, 4);
});

test('a camera that was left: what the ring still holds is given, then the end, which is a pause', async () => {
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
  const never = new AbortController().signal;
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
