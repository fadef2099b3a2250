/** The order in which counts become final, against a ledger on disk. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { CounterMessage } from '#proto/wire/protocol.ts';
import { counts, stream } from '../fixtures/ledger-process.ts';
import { FolderLedger } from '../ledger/folder.ts';
import type { LedgerWriter } from '../ledger/ledger.ts';
import { CheckpointCommit, type Snapshot } from './checkpoint-commit.ts';

const snapshot = (entered: number): Snapshot => ({
  position: entered * 10,
  presentationMicros: entered,
  checkpoint: Buffer.from(`${entered}`),
  counts: counts(entered),
});

/** A message to the agent, and the count that the ledger held at that time. */
interface Sent {
  readonly message: CounterMessage;
  readonly committed: number | undefined;
}

async function setting(context: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'footfall-settlement-'));
  context.after(() => rm(root, { recursive: true }));
  const ledger = new FolderLedger(root);
  const committed = async () => (await ledger.read(stream)).counts?.in;
  const sent: Sent[] = [];
  const writer = await ledger.claim(stream, await ledger.read(stream), 's');
  const call = new AbortController();
  const checkpointCommit = new CheckpointCommit(
    writer,
    async (message) => void sent.push({ message, committed: await committed() }),
    's',
    call.signal,
  );
  return { ledger, checkpointCommit, sent, committed, call };
}

test('a call that breaks before the agent has stored the checkpoint commits nothing', async (context) => {
  const { checkpointCommit, committed, call } = await setting(context);
  const pending = checkpointCommit.settle(snapshot(1));
  call.abort(new Error('the call broke'));
  await assert.rejects(pending, /the call broke/);
  assert.equal(await committed(), undefined);
});

test('a stored checkpoint is committed, and is in the ledger before the agent may drop its video', async (context) => {
  const { checkpointCommit, sent } = await setting(context);
  for (const entered of [1, 2]) {
    checkpointCommit.acknowledge(entered);
    await checkpointCommit.settle(snapshot(entered));
  }
  const released = sent.filter(({ message }) => message.release !== undefined);
  assert.deepEqual(
    released.map(({ committed }) => committed),
    [1, 2],
  );
});

test('an empty floor costs no write, except for the last checkpoint, at whose time the next session begins', async (context) => {
  const { ledger, checkpointCommit } = await setting(context);
  for (const serial of [1, 2, 3]) checkpointCommit.acknowledge(serial);
  await checkpointCommit.settle(snapshot(1));
  const later = { ...snapshot(1), position: 20, counts: { ...counts(1), position: 20, time: '2026-01-01T01:00:00.000Z' } };
  await checkpointCommit.settle(later);
  assert.equal((await ledger.read(stream)).counts?.position, 10);
  assert.equal(checkpointCommit.position, 20, 'though the ledger holds the earlier position');
  await checkpointCommit.settle(later, () => undefined);
  assert.deepEqual((await ledger.read(stream)).counts, later.counts);
});

test('the position starts at 0 where another session committed last', async (context) => {
  const { ledger, checkpointCommit } = await setting(context);
  checkpointCommit.acknowledge(1);
  await checkpointCommit.settle(snapshot(1));
  const writer = await ledger.claim(stream, await ledger.read(stream), 'another');
  assert.equal(new CheckpointCommit(writer, () => Promise.resolve(), 'another', new AbortController().signal).position, 0);
});

test('delivery of events costs no write of its own, and the next write carries the cursor', async (context) => {
  const { ledger, checkpointCommit } = await setting(context);
  const cursor = async () => (await ledger.read(stream)).counts?.delivered;
  const of = (entered: number, delivered: number): Snapshot => {
    const { counts: plain, ...rest } = snapshot(entered);
    return { ...rest, counts: { ...plain, delivered: { crossings: delivered, gaps: 0 } } };
  };
  for (const serial of [1, 2, 3]) checkpointCommit.acknowledge(serial);
  await checkpointCommit.settle(of(1, 0));
  assert.equal(checkpointCommit.differs(of(1, 1).counts), false);
  await checkpointCommit.settle(of(1, 1));
  assert.deepEqual(await cursor(), { crossings: 0, gaps: 0 });
  await checkpointCommit.settle(of(2, 1));
  assert.deepEqual(await cursor(), { crossings: 1, gaps: 0 });
});

test('an event that is delivered while counts are committed does not put older counts in their place', async () => {
  const written = Promise.withResolvers<void>();
  const deferred: number[] = [];
  const writer: LedgerWriter = {
    term: 1,
    counts: undefined,
    lost: new AbortController().signal,
    commit: ({ in: entered }) => (entered === 2 ? written.promise : Promise.resolve()),
    defer: ({ in: entered }) => deferred.push(entered),
    report: () => undefined,
    close: () => Promise.resolve(),
  };
  const checkpointCommit = new CheckpointCommit(writer, () => Promise.resolve(), 's', new AbortController().signal);
  for (const serial of [1, 2]) checkpointCommit.acknowledge(serial);
  await checkpointCommit.settle(snapshot(1));
  const settling = checkpointCommit.settle(snapshot(2));
  checkpointCommit.deferDelivery({ crossings: 1, gaps: 0 });
  written.resolve();
  await settling;
  assert.deepEqual(deferred, []);
  checkpointCommit.deferDelivery({ crossings: 1, gaps: 0 });
  assert.deepEqual(deferred, [2]);
});
