import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readTape, Tape } from './tape.ts';

const codec = { fourcc: 'H264', privateData: Buffer.from('sps'), width: 640, height: 360, decodeDelay: 0 };
const unit = (number: number, text: string) => ({
  number,
  presentationMicros: number * 100_000,
  keyframe: number === 1,
  data: Buffer.from(text),
});

function path(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-tape-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'tape');
}

function record(file: string, ...units: [number, string][]): void {
  const tape = new Tape(file);
  for (const [number, text] of units) tape.record(unit(number, text), codec);
  tape.close();
}

test('a tape gives back the recorded access units and the codec', (context) => {
  const file = path(context);
  record(file, [1, 'one'], [2, 'two']);
  const taped = readTape(file)!;
  assert.deepEqual(taped.codec, codec);
  assert.deepEqual(
    taped.units.map(({ number, data }) => [number, Buffer.from(data).toString()]),
    [
      [1, 'one'],
      [2, 'two'],
    ],
  );
});

test('of a number that two processes recorded, the later access unit counts', (context) => {
  const file = path(context);
  record(file, [1, 'one'], [2, 'never kept']);
  record(file, [2, 'two'], [3, 'three']);
  assert.deepEqual(
    readTape(file)!.units.map(({ data }) => Buffer.from(data).toString()),
    ['one', 'two', 'three'],
  );
});

test('a torn tape is read up to its last whole access unit', (context) => {
  const file = path(context);
  record(file, [1, 'one']);
  appendFileSync(file, 'torn');
  assert.equal(readTape(file)!.units.length, 1);
});

test('an agent that numbered no access unit leaves no tape', (context) => {
  assert.equal(readTape(path(context)), undefined);
});
