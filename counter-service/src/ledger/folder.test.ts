import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { counts, stream } from '../fixtures/ledger-process.ts';
import { FolderLedger } from './folder.ts';
import { Fenced } from './ledger.ts';

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'footfall-ledger-'));
  context.after(() => rm(path, { recursive: true }));
  return path;
}

async function take(ledger: FolderLedger) {
  return ledger.claim(stream, await ledger.read(stream), 's');
}

test('a stream that no counter has taken has term 0 and no counts', async (context) => {
  assert.deepEqual(await new FolderLedger(await folder(context)).read(stream), { term: 0, session: undefined, counts: undefined });
});

test('what is committed is read again, and by the next term', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const first = await take(ledger);
  await first.commit(counts(1));
  await first.commit(counts(3));
  const second = await take(ledger);
  assert.equal(second.term, 2);
  assert.deepEqual(second.counts, counts(3));
  await second.commit(counts(4));
  assert.deepEqual((await ledger.read(stream)).counts, counts(4));
});

test('an overtaken term may not commit, and the ledger does not hold what it tried to commit', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const zombie = await take(ledger);
  await zombie.commit(counts(1));
  const next = await take(ledger);
  await assert.rejects(zombie.commit(counts(9)), Fenced);
  assert.deepEqual((await ledger.read(stream)).counts, counts(1));
  await next.commit(counts(2));
});

test('of counters that read the same term, one takes the next', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const reading = await ledger.read(stream);
  const claims = await Promise.allSettled([1, 2, 3, 4].map(() => ledger.claim(stream, reading, 's')));
  assert.equal(claims.filter((claim) => claim.status === 'fulfilled').length, 1);
  for (const claim of claims) if (claim.status === 'rejected') assert.ok(claim.reason instanceof Fenced);
});

test('old terms do not pile up', async (context) => {
  const root = await folder(context);
  const ledger = new FolderLedger(root);
  for (let term = 1; term <= 20; term += 1) await (await take(ledger)).commit(counts(term));
  assert.ok((await readdir(join(root, 'default.door'))).length <= 2);
});

test('counts survive any number of terms that never committed', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  await (await take(ledger)).commit(counts(5));
  for (let restarts = 0; restarts < 5; restarts += 1) await take(ledger);
  assert.deepEqual((await ledger.read(stream)).counts, counts(5));
});

const path = (root: string, number: number) => join(root, 'default.door', `${String(number).padStart(12, '0')}.json`);

test('an entry that is cut or changed at any byte is refused with a sentence, and never read as another', async (context) => {
  const root = await folder(context);
  const ledger = new FolderLedger(root);
  const writer = await take(ledger);
  await writer.commit(counts(1));
  const whole = await readFile(path(root, 2));
  const changes = [...whole.keys()].flatMap((index) => [whole.subarray(0, index), whole.with(index, whole[index]! ^ 1)]);
  for (const changed of changes) {
    await writeFile(path(root, 2), changed);
    await assert.rejects(ledger.read(stream), {
      reason: 'LEDGER_UNAVAILABLE',
      message: /^The ledger in .*default\.door cannot be read or written: .*000000000002\.json is damaged: it is not what was written\.$/,
    });
  }
  await assert.rejects(ledger.claim(stream, { term: 1, session: 's', counts: counts(1) }, 's'), { reason: 'LEDGER_UNAVAILABLE' });
  const window = { ...stream, name: 'window' };
  await (await ledger.claim(window, await ledger.read(window), 's')).commit(counts(7));
  assert.equal((await ledger.read(window)).counts?.in, 7, 'no other stream is harmed');
  await writeFile(path(root, 2), whole);
  assert.deepEqual((await ledger.read(stream)).counts, counts(1));
});

test('an entry that cannot be read at all is refused with a sentence', async (context) => {
  const root = await folder(context);
  await mkdir(path(root, 1), { recursive: true });
  await assert.rejects(new FolderLedger(root).read(stream), { reason: 'LEDGER_UNAVAILABLE', message: /EISDIR/ });
});

for (const [what, next] of [
  ['an earlier position', { ...counts(3), position: 29 }],
  ['a lower total', { ...counts(3), in: 2 }],
] as const) {
  test(`the resource's validation rules hold here, too: ${what} in the same term is refused`, async (context) => {
    const ledger = new FolderLedger(await folder(context));
    const writer = await take(ledger);
    await writer.commit(counts(3));
    await assert.rejects(writer.commit(next), { reason: 'LEDGER_UNAVAILABLE' });
    assert.deepEqual((await ledger.read(stream)).counts, counts(3));
  });
}

test('another session begins at its own first access unit, and keeps the totals', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  await (await take(ledger)).commit(counts(3));
  const writer = await ledger.claim(stream, await ledger.read(stream), 'another');
  assert.deepEqual(writer.counts, counts(3));
  assert.deepEqual((await ledger.read(stream)).counts, { ...counts(3, 'another'), position: 0 });
  await writer.commit({ ...counts(4, 'another'), position: 5 });
});

test('zones are empty once the camera is not observed', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const writer = await take(ledger);
  const occupancy = async () => (await ledger.read(stream)).counts?.zones[0]?.occupancy;
  await writer.commit({ ...counts(1), zones: [{ name: 'queue', occupancy: 2 }] });
  assert.equal(await occupancy(), 2);
  writer.report({ state: 'Disconnected', reason: 'AgentGone' });
  await writer.close();
  assert.equal(await occupancy(), 0);
});

test('deferred counts are written at the end: the gap before the next session begins at their time', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const writer = await take(ledger);
  await writer.commit(counts(1));
  const later = { ...counts(1), position: 500, time: '2026-01-01T01:00:00.000Z' };
  writer.defer(later);
  assert.equal((await ledger.read(stream)).counts?.position, 10, 'it is worth no write by itself');
  await writer.close();
  assert.deepEqual((await ledger.read(stream)).counts, later);
});

test('an overtaken term writes nothing at its end, and no term is taken for an agent that is gone', async (context) => {
  const ledger = new FolderLedger(await folder(context));
  const writer = await take(ledger);
  await writer.commit(counts(1));
  writer.defer({ ...counts(1), position: 500 });
  const reading = await ledger.read(stream);
  await assert.rejects(ledger.claim(stream, reading, 'dead', AbortSignal.abort(new Error('the agent is gone'))), /the agent is gone/);
  await take(ledger);
  await writer.close();
  assert.equal((await ledger.read(stream)).counts?.position, 10);
});
