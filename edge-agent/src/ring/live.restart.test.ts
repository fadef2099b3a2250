/** A recording in a folder that outlives the process: what the next process reads, and what it declares. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { camera, fromTheBeginning, gapsOf, never, numbersOf, pictures, range, record, shape } from '../fixtures/live.ts';
import type { LogEntry } from './recording.ts';
import { type Retained, retainIn } from './retained.ts';

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

  test('goes on in the next process: what was read is there, and the time without a reader is declared', async (context) => {
    const { next } = processes(context);
    await record(camera(pictures(12)), 12, next(100));
    const recording = await record(camera(pictures(3)), 15, next(107));
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(numbersOf(entries), range(1, 15));
    assert.deepEqual(gapsOf(entries), ['gap 12-13 1100000-7000000 CAMERA_LOST']);
    assert.equal(recording.keyframeFor({ position: 8, presentationMicros: 700_000 }), 6);
  });

  test('with a group that broke in the middle: the gap is exact, and a checkpoint beyond it starts after it', async (context) => {
    const { directory, next } = processes(context);
    await record(camera(pictures(15)), 15, next(100));
    const segment = join(directory, '0000000000000006.segment');
    const bytes = readFileSync(segment);
    // In the fourth of five access units.
    bytes[Math.floor(bytes.length * 0.75)]! ^= 1;
    writeFileSync(segment, bytes);
    const retained = next(107);
    assert.equal(retained.faults.corruptFiles, 1);
    const recording = await record(camera(pictures(1)), 16, retained);
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(numbersOf(entries), [...range(1, 8), ...range(11, 16)]);
    assert.deepEqual(gapsOf(entries), ['gap 8-11 700000-1000000 RING_DAMAGED', 'gap 15-16 1400000-7000000 CAMERA_LOST']);
    assert.equal(recording.keyframeFor({ position: 8, presentationMicros: 700_000 }), 6);
    assert.equal(recording.keyframeFor({ position: 9, presentationMicros: 800_000 }), undefined);
  });

  test('of which the end was lost: the numbers that were assigned are not assigned again', async (context) => {
    const { directory, next } = processes(context);
    await record(camera(pictures(15)), 15, next(100));
    rmSync(join(directory, '0000000000000011.segment'));
    const recording = await record(camera(pictures(2)), 17, next(107));
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(numbersOf(entries), [...range(1, 10), 16, 17]);
    assert.deepEqual(gapsOf(entries), ['gap 10-16 900000-7000000 RING_DAMAGED']);
  });

  test("never goes back in time: if the camera's clock ran ahead of the machine's, the next process begins after it", async (context) => {
    const { next } = processes(context);
    await record(camera(pictures(12)), 12, next(100));
    const recording = await record(camera(pictures(2)), 14, next(100.5));
    const entries = await Array.fromAsync(recording.read(fromTheBeginning, never));
    assert.deepEqual(shape(entries).slice(-4), ['gap 12-13 1100000-1100001 CAMERA_LOST', '13@1100001', '14@1200001', 'end']);
  });

  test('that breaks under its reader: the rest of the group is a gap', async (context) => {
    const { directory, next } = processes(context);
    const recording = await record(camera(pictures(15)), 15, next(100));
    const segment = join(directory, '0000000000000006.segment');
    const entries: LogEntry[] = [];
    for await (const entry of recording.read(fromTheBeginning, never)) {
      entries.push(entry);
      if (entry.kind === 'unit' && entry.unit.number === 7) writeFileSync(segment, new Uint8Array(readFileSync(segment).length));
    }
    assert.deepEqual(numbersOf(entries), [...range(1, 7), ...range(11, 15)]);
    assert.deepEqual(gapsOf(entries), ['gap 7-11 600000-1000000 RING_DAMAGED']);
  });
});
