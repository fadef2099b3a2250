import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FolderLedger } from './folder.ts';
import { type CommittedCounts, Fenced } from './ledger.ts';

const stream = { namespace: 'default', name: 'door', uid: 'u' };
const crossing = (track: number) => ({ line: 'entrance', direction: 'in' as const, time: track, frame: track, track });
const counts = (entered: number, session = 's'): CommittedCounts => ({
  session, position: entered * 10, time: '2026-01-01T00:00:00.000Z', in: entered, out: 0, inside: entered,
  lines: [{ name: 'entrance', in: entered, out: 0 }], zones: [], observedSeconds: 0, gaps: { count: 0, seconds: 0 },
});

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'footfall-ledger-'));
  context.after(() => rm(path, { recursive: true }));
  return path;
}

async function take(ledger: FolderLedger) {
  return ledger.claim(stream, await ledger.read(stream), 's');
}

test('a stream that nobody counted has term 0 and no counts', async (context) => {
  assert.deepEqual(await new FolderLedger(await folder(context)).read(stream), { term: 0, session: undefined, counts: undefined });
});

test('what is committed is read again, by the next term and with its crossings', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const first = await take(ledger);
  await first.commit(counts(1), [crossing(1)]);
  await first.commit(counts(3), [crossing(2), crossing(3)]);
  const second = await take(ledger);
  assert.equal(second.term, 2);
  assert.deepEqual(second.counts, counts(3));
  await second.commit(counts(4), [crossing(4)]);
  assert.deepEqual((await ledger.read(stream)).counts, counts(4));
  const lines = (await ledger.crossings(stream)).trim().split('\n');
  assert.deepEqual(lines.map((line) => (JSON.parse(line) as { track: number }).track), [1, 2, 3, 4]);
});

test('a term that has been overtaken may not commit, and what it tried is not there', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const zombie = await take(ledger);
  await zombie.commit(counts(1), [crossing(1)]);
  const next = await take(ledger);
  await assert.rejects(zombie.commit(counts(9), [crossing(9)]), Fenced);
  assert.deepEqual((await ledger.read(stream)).counts, counts(1));
  await next.commit(counts(2), [crossing(2)]);
  assert.equal((await ledger.crossings(stream)).trim().split('\n').length, 2);
});

test('of two that read the same term, one takes the next', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const reading = await ledger.read(stream);
  const claims = await Promise.allSettled([1, 2, 3, 4].map(() => ledger.claim(stream, reading, 's')));
  assert.equal(claims.filter((claim) => claim.status === 'fulfilled').length, 1);
  for (const claim of claims) if (claim.status === 'rejected') assert.ok(claim.reason instanceof Fenced);
});

test('crossings behind the committed length never happened', async (context) => {
  const root = await folder(context);
  const ledger = new FolderLedger(root);
  const tenure = await take(ledger);
  await tenure.commit(counts(1), [crossing(1)]);
  // As a commit leaves them that died before its counts were in place.
  await appendFile(join(root, 'default.door', 'crossings-1.jsonl'), '{"track":666}\n');
  assert.equal((await ledger.crossings(stream)).includes('666'), false);
  await tenure.commit(counts(2), [crossing(2)]);
  assert.deepEqual((await ledger.crossings(stream)).trim().split('\n').length, 2);
  assert.equal((await ledger.crossings(stream)).includes('666'), false);
});

test('old terms do not pile up', async (context) => {
  const root = await folder(context);
  const ledger = new FolderLedger(root);
  for (let term = 1; term <= 20; term += 1) await (await take(ledger)).commit(counts(term), []);
  assert.ok((await readdir(join(root, 'default.door'))).length <= 4);
});

test('counts outlive any number of terms that never committed', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  await (await take(ledger)).commit(counts(5), [crossing(5)]);
  for (let restarts = 0; restarts < 5; restarts += 1) await take(ledger);
  assert.deepEqual((await ledger.read(stream)).counts, counts(5));
  assert.equal((await ledger.crossings(stream)).trim().split('\n').length, 1);
});
