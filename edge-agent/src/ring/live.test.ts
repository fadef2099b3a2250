/** Films of a camera that breaks: what a reader of the recording is told. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { AccessUnit } from '#proto/media/nut/nut.ts';
import type { Camera, CameraItem } from '../camera/camera.ts';
import { CameraFault } from '../camera/faults.ts';
import { LiveRecording } from './live.ts';
import type { Entry, Start } from './recording.ts';
import { type Retained, retainIn } from './retained.ts';

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
  const entries: Entry[] = [];
  for await (const entry of recording.read(fromTheBeginning, stop.signal)) {
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
    if (entry.kind === 'gap')
      return `gap ${entry.gap.after}-${entry.gap.next} ${entry.gap.fromMicros}-${entry.gap.toMicros} ${entry.gap.reason}`;
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

test('what is shown before the first keyframe, and sent after it, is passed over: it would be from before the session', async () => {
  const source = camera([picture(300_000, true), picture(100_000), picture(200_000), picture(400_000)]);
  assert.deepEqual(shape(await film(source, { elapsed: [150_000], count: 4 })), ['start', '1@150000', '2@50000', '3@250000']);
});

test('a camera clock that jumps is an interruption, and the time that really passed counts', async () => {
  const source = camera([picture(0, true), picture(100_000), picture(99_000_000, true)]);
  const entries = await film(source, { elapsed: [0, 200_000], count: 5 });
  assert.deepEqual(shape(entries), ['start', '1@0', '2@100000', 'gap 2-3 100000-200000 CAMERA_LOST', '3@200000']);
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

/** A camera of 10 pictures a second with a keyframe each half. */
const pictures = (count: number) => Array.from({ length: count }, (_, i) => picture(i * 100_000, i % 5 === 0));

/** Records all that the camera gives in its connects, then leaves it. */
async function recorded(
  source: Camera,
  units: number,
  change: Partial<ConstructorParameters<typeof LiveRecording>[0]> = {},
): Promise<LiveRecording> {
  const stop = new AbortController();
  const recording = new LiveRecording({
    camera: source,
    limits: { seconds: 1000, bytes: 1e9 },
    elapsedMicros: () => 0,
    onState: (state) => {
      if (state.units === units) stop.abort(new Error('enough'));
    },
    giveUp: () => false,
    wait: () => Promise.resolve(),
    random: () => 0,
    ...change,
  });
  await recording.run(stop.signal);
  return recording;
}

const never = new AbortController().signal;
const numbersOf = (entries: Entry[]) => entries.flatMap((entry) => (entry.kind === 'unit' ? [entry.unit.number] : []));
const gapsOf = (entries: Entry[]) => shape(entries).filter((entry) => entry.startsWith('gap'));
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

test('a reader whose place has left the ring is told what it lost, to the access unit', async () => {
  const recording = await recorded(camera(pictures(40)), 40, { limits: { seconds: 2, bytes: 1e9 } });
  const start: Start = { from: 1, counted: { position: 4, presentationMicros: 300_000 }, reason: 'RING_FULL' };
  const entries = await Array.fromAsync(recording.read(start, never));
  assert.deepEqual([gapsOf(entries), numbersOf(entries)], [['gap 4-21 300000-2000000 RING_FULL'], range(21, 40)]);
});

test('a long group whose head has left the ring was too long for it, though its place is still there', async () => {
  const long = Array.from({ length: 65 }, (_, i) => picture(i * 100_000, i % 60 === 0));
  const recording = await recorded(camera(long), 65, { limits: { seconds: 2, bytes: 1e9 } });
  const counted = { position: 55, presentationMicros: 5_400_000 };
  assert.ok(recording.ring.holding(55));
  const entries = await Array.fromAsync(recording.read({ from: 56, counted, reason: 'RING_FULL' }, never));
  assert.deepEqual([gapsOf(entries), numbersOf(entries)], [['gap 55-61 5400000-6000000 RING_FULL'], range(61, 65)]);
});

suite('a recording in a folder that outlives the process', () => {
  function processes(context: TestContext): { directory: string; next: (machineSeconds: number) => Retained } {
    const directory = mkdtempSync(join(tmpdir(), 'footfall-live-'));
    context.after(() => rmSync(directory, { recursive: true }));
    const next = (seconds: number) => {
      const retained = retainIn(directory, {
        newId: () => crypto.randomUUID(),
        wallMicros: () => 0,
        machineMicros: () => seconds * 1e6,
        machineStart: '1',
      });
      context.after(() => retained.close());
      return retained;
    };
    return { directory, next };
  }

  test('goes on in the next process: what was read is there, and the time in which nobody read is declared', async (context) => {
    const { next } = processes(context);
    await recorded(camera(pictures(12)), 12, next(100));
    const recording = await recorded(camera(pictures(3)), 15, next(107));
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(numbersOf(entries), range(1, 15));
    assert.deepEqual(gapsOf(entries), ['gap 12-13 1100000-7000000 CAMERA_LOST']);
    assert.equal(recording.keyframeFor({ position: 8, presentationMicros: 700_000 }), 6);
  });

  test('of which a group broke in the middle: the gap is exact to the access unit, and a checkpoint beyond it starts after it', async (context) => {
    const { directory, next } = processes(context);
    await recorded(camera(pictures(15)), 15, next(100));
    const segment = join(directory, '0000000000000006.segment');
    const bytes = readFileSync(segment);
    // In the fourth of five access units.
    bytes[Math.floor(bytes.length * 0.75)]! ^= 1;
    writeFileSync(segment, bytes);
    const retained = next(107);
    assert.equal(retained.faults.corruptFiles, 1);
    const recording = await recorded(camera(pictures(1)), 16, retained);
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(numbersOf(entries), [...range(1, 8), ...range(11, 16)]);
    assert.deepEqual(gapsOf(entries), ['gap 8-11 700000-1000000 RING_DAMAGED', 'gap 15-16 1400000-7000000 CAMERA_LOST']);
    assert.equal(recording.keyframeFor({ position: 8, presentationMicros: 700_000 }), 6);
    assert.equal(recording.keyframeFor({ position: 9, presentationMicros: 800_000 }), undefined);
  });

  test('of which the end was lost: the numbers that were given out are not given out again', async (context) => {
    const { directory, next } = processes(context);
    await recorded(camera(pictures(15)), 15, next(100));
    rmSync(join(directory, '0000000000000011.segment'));
    const recording = await recorded(camera(pictures(2)), 17, next(107));
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(numbersOf(entries), [...range(1, 10), 16, 17]);
    assert.deepEqual(gapsOf(entries), ['gap 10-16 900000-7000000 RING_DAMAGED']);
  });

  test("never goes back in time: where the camera's clock ran ahead of the machine's, the next process begins after it", async (context) => {
    const { next } = processes(context);
    await recorded(camera(pictures(12)), 12, next(100));
    const recording = await recorded(camera(pictures(2)), 14, next(100.5));
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(shape(entries).slice(-4), ['gap 12-13 1100000-1100001 CAMERA_LOST', '13@1100001', '14@1200001', 'end']);
  });

  test('that breaks under its reader: the rest of the group is a gap', async (context) => {
    const { directory, next } = processes(context);
    const recording = await recorded(camera(pictures(15)), 15, next(100));
    const segment = join(directory, '0000000000000006.segment');
    const entries: Entry[] = [];
    for await (const entry of recording.read(fromTheBeginning, never)) {
      entries.push(entry);
      if (entry.kind === 'unit' && entry.unit.number === 7) writeFileSync(segment, new Uint8Array(readFileSync(segment).length));
    }
    assert.deepEqual(numbersOf(entries), [...range(1, 7), ...range(11, 15)]);
    assert.deepEqual(gapsOf(entries), ['gap 7-11 600000-1000000 RING_DAMAGED']);
  });
});

test('a replay that loses its ground before it is where the counting ended ends without an end; the next one declares the gap to the access unit', async () => {
  const recording = await recorded(camera(pictures(20)), 20);
  const start: Start = { from: 1, counted: { position: 9, presentationMicros: 800_000 }, reason: 'RING_FULL' };
  const entries: Entry[] = [];
  for await (const entry of recording.read(start, never)) {
    entries.push(entry);
    if (entry.kind === 'unit' && entry.unit.number === 7) recording.release(1_000_000);
  }
  assert.deepEqual([numbersOf(entries), entries.at(-1)?.kind], [range(1, 7), 'unit']);
  assert.equal(recording.keyframeFor(start.counted), undefined);
  const again = await Array.fromAsync(recording.read({ ...start, from: 10 }, never));
  assert.deepEqual([gapsOf(again), numbersOf(again)], [['gap 9-11 800000-1000000 RING_FULL'], range(11, 20)]);
});

suite('of pictures that refer forwards, a group that is gone had some left to count, though a later number is counted', () => {
  // 2 is shown last of its group: up to 0.3 s, all but 2 is counted.
  const group = (from: number) => [0, 400, 100, 200, 300].map((milliseconds, i) => picture(from + milliseconds * 1000, i === 0));
  const counted = { position: 5, presentationMicros: 300_000 };
  const gap = 'gap 5-6 300000-500000 RING_FULL';

  test('before it is read again: the time is declared', async () => {
    const recording = await recorded(camera([...group(0), ...group(500_000)]), 10);
    recording.release(500_000);
    assert.equal(recording.keyframeFor(counted), undefined);
    const entries = await Array.fromAsync(recording.read({ from: 6, counted, reason: 'RING_FULL' }, never));
    assert.deepEqual([gapsOf(entries), numbersOf(entries)], [[gap], range(6, 10)]);
  });

  test('while the start is told: the same', async () => {
    const recording = await recorded(camera([...group(0), ...group(500_000)]), 10);
    const entries: Entry[] = [];
    for await (const entry of recording.read({ from: recording.keyframeFor(counted)!, counted, reason: 'RING_FULL' }, never)) {
      entries.push(entry);
      if (entry.kind === 'start') recording.release(500_000);
    }
    assert.deepEqual([gapsOf(entries), numbersOf(entries)], [[gap], range(6, 10)]);
  });

  test('and nothing is declared where nothing is counted yet', async () => {
    const recording = await recorded(camera([...group(0), ...group(500_000)]), 10);
    const read = (from: number) =>
      Array.fromAsync(recording.read({ from, counted: { position: from - 1, presentationMicros: 0 }, reason: 'RING_FULL' }, never));
    // Where a session begins anew, too.
    for (const from of [1, 6]) {
      const entries = await read(from);
      assert.deepEqual([gapsOf(entries), numbersOf(entries)], [[], range(from, 10)]);
    }
  });
});

test('a reader whose first group goes while it is told of the gap before it is told of the rest as another gap', async () => {
  const recording = await recorded(camera(pictures(30)), 30);
  recording.release(1_000_000);
  const entries: Entry[] = [];
  for await (const entry of recording.read(fromTheBeginning, never)) {
    entries.push(entry);
    if (entry.kind === 'gap' && entries.length === 2) recording.release(1_500_000);
  }
  assert.deepEqual(gapsOf(entries), ['gap 0-11 0-1000000 RING_FULL', 'gap 10-16 999999-1500000 RING_FULL']);
  assert.deepEqual(numbersOf(entries), range(16, 30));
});

suite('a reader that must not be far behind', () => {
  const live = { maxLagSeconds: 1 };

  test('goes on at the newest keyframe, and tells what it passed over', async () => {
    const recording = await recorded(camera(pictures(43)), 43, live);
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(shape(entries).slice(0, 3), ['start', 'gap 0-41 0-4000000 PASSED_OVER', '41@4000000']);
    assert.deepEqual(numbersOf(entries), range(41, 43));
  });

  test('that is too far behind when it comes again is told that it was passed over, for the ring had it all', async () => {
    const recording = await recorded(camera(pictures(40)), 40, live);
    const start: Start = { from: 6, counted: { position: 9, presentationMicros: 800_000 }, reason: 'RING_FULL' };
    const entries = await Array.fromAsync(recording.read(start, never));
    assert.deepEqual([gapsOf(entries), numbersOf(entries)], [['gap 9-36 800000-3500000 PASSED_OVER'], range(36, 40)]);
  });

  test('loses nothing while it is not that far behind', async () => {
    const recording = await recorded(camera(pictures(11)), 11, live);
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual([numbersOf(entries), gapsOf(entries)], [range(1, 11), []]);
  });

  test('is given what is counted already, however old: a decoder needs it', async () => {
    const recording = await recorded(camera(pictures(25)), 25, live);
    const start: Start = { from: 6, counted: { position: 14, presentationMicros: 1_300_000 }, reason: 'RING_FULL' };
    const entries = await Array.fromAsync(recording.read(start, never));
    assert.deepEqual([numbersOf(entries), gapsOf(entries)], [range(6, 25), []]);
  });

  test('that falls behind in the middle is never further behind than that, but for what it holds in its hand', async () => {
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
    const entries: Entry[] = [];
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
