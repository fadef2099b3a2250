/** The order in which counts become final, against a ledger on disk. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { CounterMessage } from '#proto/wire/protocol.ts';
import { counts, stream } from '../fixtures/ledger-process.ts';
import { FolderLedger } from '../ledger/folder.ts';
import { CheckpointCommit, type Snapshot } from './checkpoint-commit.ts';

const snapshot = (entered: number): Snapshot => ({
  position: entered * 10,
  presentationMicros: entered,
  checkpoint: Buffer.from(`${entered}`),
  counts: counts(entered),
});

/** What the agent was told, and what the ledger held when it was. */
interface Told {
  readonly message: CounterMessage;
  readonly committed: number | undefined;
}

async function setting(context: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'footfall-settlement-'));
  context.after(() => rm(root, { recursive: true }));
  const ledger = new FolderLedger(root);
  const committed = async () => (await ledger.read(stream)).counts?.in;
  const told: Told[] = [];
  const writer = await ledger.claim(stream, await ledger.read(stream), 's');
  const call = new AbortController();
  const settlement = new CheckpointCommit(
    writer,
    async (message) => void told.push({ message, committed: await committed() }),
    's',
    call.signal,
  );
  return { ledger, settlement, told, committed, call };
}

test('nothing is in the ledger that the agent has not stored: a call that breaks before it commits nothing', async (context) => {
  const { settlement, committed, call } = await setting(context);
  const settling = settlement.settle(snapshot(1));
  call.abort(new Error('the call broke'));
  await assert.rejects(settling, /the call broke/);
  assert.equal(await committed(), undefined);
});

test('what the agent has stored is committed, and what it may forget is in the ledger by then', async (context) => {
  const { settlement, told } = await setting(context);
  for (const entered of [1, 2]) {
    settlement.stored(entered);
    await settlement.settle(snapshot(entered));
  }
  const released = told.filter(({ message }) => message.release !== undefined);
  assert.deepEqual(
    released.map(({ committed }) => committed),
    [1, 2],
  );
});

test('an empty floor is no write, but for the last one, whose time the next session goes on from', async (context) => {
  const { ledger, settlement } = await setting(context);
  for (const serial of [1, 2, 3]) settlement.stored(serial);
  await settlement.settle(snapshot(1));
  const later = { ...snapshot(1), position: 20, counts: { ...counts(1), position: 20, time: '2026-01-01T01:00:00.000Z' } };
  await settlement.settle(later);
  assert.equal((await ledger.read(stream)).counts?.position, 10);
  assert.equal(settlement.position, 20, 'though the ledger would say the same of it');
  await settlement.settle(later, () => undefined);
  assert.deepEqual((await ledger.read(stream)).counts, later.counts);
});

test('what another session has committed is no position of this one', async (context) => {
  const { ledger, settlement } = await setting(context);
  settlement.stored(1);
  await settlement.settle(snapshot(1));
  const writer = await ledger.claim(stream, await ledger.read(stream), 'another');
  assert.equal(new CheckpointCommit(writer, () => Promise.resolve(), 'another', new AbortController().signal).position, 0);
});

test('how far events are delivered is no write of its own, and the next one takes it along', async (context) => {
  const { ledger, settlement } = await setting(context);
  const cursor = async () => (await ledger.read(stream)).counts?.delivered;
  const of = (entered: number, delivered: number): Snapshot => {
    const { counts: plain, ...rest } = snapshot(entered);
    return { ...rest, counts: { ...plain, delivered: { crossings: delivered, gaps: 0 } } };
  };
  for (const serial of [1, 2, 3]) settlement.stored(serial);
  await settlement.settle(of(1, 0));
  assert.equal(settlement.differs(of(1, 1).counts), false);
  await settlement.settle(of(1, 1));
  assert.deepEqual(await cursor(), { crossings: 0, gaps: 0 });
  await settlement.settle(of(2, 1));
  assert.deepEqual(await cursor(), { crossings: 1, gaps: 0 });
});
