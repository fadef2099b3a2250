/** The events file on a real file system, with writers that are killed. */
import assert from 'node:assert/strict';
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { StreamEvent } from '#crds/events.ts';
import { until } from '../../../hack/machine/until.ts';
import { crossings, type Command, stream } from '../fixtures/ledger-process.ts';
import { toStreamEvent } from './event.ts';
import { EventsFile } from './file.ts';

async function place(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-events-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'events.jsonl');
}

async function linesOf(path: string): Promise<StreamEvent[]> {
  const text = await readFile(path, 'utf8');
  assert.ok(text === '' || text.endsWith('\n'), 'the last line is whole');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StreamEvent);
}
const numbersOf = (events: readonly StreamEvent[]) =>
  events.map((event) => ('number' in event ? event.number : `${event.first}-${event.last}`));
const loss = (first: number, last: number) => toStreamEvent(stream, { type: 'loss', of: 'crossing', first, last, reason: 'OutboxFull' });

test('events that are delivered again, to the same writer or the next, are in the file once', async (context) => {
  const path = await place(context);
  const file = new EventsFile(path);
  await file.deliver(crossings(1, 3));
  await file.deliver(crossings(2, 4));
  await new EventsFile(path).deliver(crossings(1, 5));
  assert.deepEqual(numbersOf(await linesOf(path)), [1, 2, 3, 4, 5]);
});

test('a half-written line of a killed writer is cut off, and written whole when its event is delivered again', async (context) => {
  const path = await place(context);
  await new EventsFile(path).deliver(crossings(1, 3));
  const { length } = await readFile(path);
  await truncate(path, length - 20);
  await new EventsFile(path).deliver(crossings(2, 4));
  assert.deepEqual(numbersOf(await linesOf(path)), [1, 2, 3, 4]);
});

test('events of a loss that the file already has are not declared lost', async (context) => {
  const path = await place(context);
  await new EventsFile(path).deliver(crossings(1, 3));
  await new EventsFile(path).deliver([loss(2, 6), ...crossings(7, 7)]);
  await new EventsFile(path).deliver([loss(2, 6), ...crossings(7, 7)]);
  const lines = await linesOf(path);
  assert.deepEqual(numbersOf(lines), [1, 2, 3, '4-6', 7]);
  assert.equal(lines[3]!.id, 'u/loss/crossing/4-6');
});

test('lines of other programs, and events that another process appends meanwhile, do no harm', async (context) => {
  const path = await place(context);
  await writeFile(path, 'not JSON\n{"id":7}\n');
  const file = new EventsFile(path);
  await file.deliver(crossings(1, 1));
  await appendFile(path, `${JSON.stringify(crossings(2, 2)[0])}\n`);
  await file.deliver(crossings(2, 3));
  const lines = (await readFile(path, 'utf8')).trim().split('\n').slice(2);
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { number: number }).number),
    [1, 2, 3],
  );
});

test('streams share the file, many at a time', async (context) => {
  const path = await place(context);
  const file = new EventsFile(path);
  const names = ['a', 'b', 'c', 'd'];
  const of = (name: string, from: StreamEvent[]) => from.map((event) => ({ ...event, stream: name, id: event.id.replace(/^u/, name) }));
  await Promise.all(names.flatMap((name) => [file.deliver(of(name, crossings(1, 3))), file.deliver(of(name, crossings(4, 5)))]));
  const lines = await linesOf(path);
  for (const name of names) assert.deepEqual(numbersOf(lines.filter((line) => line.stream === name)), [1, 2, 3, 4, 5]);
});

test('a path that cannot be written is named in a sentence', async () => {
  await assert.rejects(new EventsFile('/nowhere/events.jsonl').deliver(crossings(1, 1)), {
    message: /^\/nowhere\/events\.jsonl cannot be written: .*ENOENT/,
  });
  await assert.rejects(new EventsFile('/dev/full').deliver(crossings(1, 1)), { message: /^\/dev\/full cannot be written: .*ENOSPC/ });
});

test('after a writer is killed at any call, the file has every event whole and once', async (context) => {
  const path = await place(context);
  let call = 1;
  for (; ; call += 1) {
    await rm(path, { force: true });
    const child = fork(new URL('../fixtures/ledger-process.ts', import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    await once(child, 'message');
    child.send({ root: path, act: 'deliver', at: { call, signal: 'SIGKILL' } } satisfies Command);
    const survived = await Promise.race([once(child, 'message').then(() => true), once(child, 'exit').then(() => false)]);
    child.kill('SIGKILL');
    await new EventsFile(path).deliver(crossings(1, 5));
    assert.deepEqual(numbersOf(await linesOf(path)), [1, 2, 3, 4, 5], `killed at call ${call}`);
    if (survived) break;
  }
  assert.ok(call > 4, 'the process was killed at every call');
});

test('a pipe stays open from one delivery to the next; one that no process reads is a fault at once', async (context) => {
  const path = await place(context);
  execFileSync('mkfifo', [path]);
  const file = new EventsFile(path);
  await assert.rejects(file.deliver(crossings(1, 1)), /events\.jsonl cannot be written: no process reads it/);
  const reader = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => reader.kill());
  let text = '';
  reader.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until(() =>
    file.deliver(crossings(1, 1)).then(
      () => true,
      () => false,
    ),
  );
  await file.deliver(crossings(2, 2));
  await file.deliver(crossings(2, 3));
  await until(() => text.split('\n').length === 4);
  assert.deepEqual(
    numbersOf(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as StreamEvent),
    ),
    [1, 2, 3],
  );
  assert.equal(reader.exitCode, null, 'it was not told that this was all');
});
