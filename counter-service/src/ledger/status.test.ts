/** The ledger's rules under faults of the API server, in memory; `status.server.test.ts` tests them with a real one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiFault } from '#crds/cluster/api.ts';
import { counts } from '../fixtures/ledger-process.ts';
import { door, type WriteOutcome, memoryApi, patientClock } from '../fixtures/memory-api.ts';
import { Refused } from '../refusal.ts';
import { Fenced } from './ledger.ts';
import { StatusLedger } from './status.ts';

const fault = (code: number, message = 'no') => new ApiFault({ code, reason: '', message });

function setting() {
  const clock = patientClock();
  const server = memoryApi(clock);
  const results: string[] = [];
  const ledger = new StatusLedger({ api: server.api, counter: 'a', clock, onWrite: (result) => results.push(result) });
  const take = async (session = 's') => ledger.claim(door, await ledger.read(door), session);
  return { ...server, clock, ledger, results, take };
}

const transient: readonly [string, WriteOutcome[]][] = [
  ['the server was not reached', [fault(0), fault(0)]],
  ['the server was overloaded', [fault(429), fault(503)]],
  ['the answer was lost after the write was taken', ['lost']],
  ['the answer was lost twice', ['lost', 'lost']],
];
for (const [what, outcomes] of transient) {
  test(`a commit is written once, though ${what}`, async () => {
    const { take, next, writes, current } = setting();
    const writer = await take();
    next(...outcomes);
    await writer.commit(counts(1));
    assert.equal(current().status?.counts?.in, 1);
    assert.equal(writes.length, 2, 'the claim and the commit');
    await writer.commit(counts(2));
    assert.equal(current().status?.counts?.in, 2, 'and the writer continues');
  });
}

test('a commit is written though the operator writes its part at the same time', async () => {
  const { take, touch, current, results } = setting();
  const writer = await take();
  touch();
  await writer.commit(counts(1));
  assert.equal(current().status?.counts?.in, 1);
  assert.ok(current().status?.observedGeneration, "the operator's part stays");
  assert.deepEqual(results, ['written', 'conflict', 'written']);
});

const final: readonly [string, ApiFault, RegExp][] = [
  ['a server that forbids the write', fault(403, 'camerastreams/status is forbidden'), /is forbidden/],
  ['a server that finds the counts invalid, though the term is still held', fault(422, 'lines: too many'), /too many/],
];
for (const [what, why, sentence] of final) {
  test(`${what} ends the writer at once, with a sentence`, async () => {
    const { take, next, clock } = setting();
    const writer = await take();
    next(why);
    const before = clock.seconds();
    await assert.rejects(
      writer.commit(counts(1)),
      (error) => error instanceof Refused && error.reason === 'LEDGER_UNAVAILABLE' && sentence.test(error.message),
    );
    assert.ok(clock.seconds() - before < 5);
    assert.equal((writer.lost.reason as Refused).reason, 'LEDGER_UNAVAILABLE', 'and the stream receives the reason');
  });
}

test('a server that stays away ends the writer after half a minute', async () => {
  const { take, next, clock } = setting();
  const writer = await take();
  next(...Array.from({ length: 1000 }, () => fault(0)));
  const before = clock.seconds();
  await assert.rejects(writer.commit(counts(1)), { reason: 'LEDGER_UNAVAILABLE' });
  assert.ok(clock.seconds() - before > 20 && clock.seconds() - before < 40);
});

test('a claim whose answer was lost fails, and the next attempt takes the term after it', async () => {
  const { take, next } = setting();
  next('lost');
  await assert.rejects(take(), { reason: 'LEDGER_UNAVAILABLE' });
  assert.equal((await take()).term, 2);
});

test('a claim is written though the operator writes its part in between', async () => {
  const { take, next } = setting();
  next(fault(409), fault(409));
  assert.equal((await take()).term, 1);
});

test('an agent that calls the same counter again ends its earlier writer, which writes nothing more', async () => {
  const { take, current } = setting();
  const former = await take();
  const writer = await take();
  assert.ok(former.lost.reason instanceof Fenced);
  former.report({ state: 'Disconnected', reason: 'AgentGone' });
  await former.close();
  await writer.commit(counts(1));
  assert.equal(current().status?.stream?.state, 'Starting');
});

test('a stream whose agent called again, and whose claim failed, is not shown as counted', async () => {
  const { take, next, current } = setting();
  const former = await take();
  former.report({ state: 'Counting' });
  await former.commit({ ...counts(1), zones: [{ name: 'queue', occupancy: 2 }] });
  next(fault(503));
  await assert.rejects(take(), { reason: 'LEDGER_UNAVAILABLE' });
  await until(() => current().status?.stream?.state === 'Disconnected');
  const { stream, counts: shown } = current().status ?? {};
  assert.deepEqual([stream?.reason, shown?.term, shown?.in, shown?.zones[0]?.occupancy], ['CounterFailed', 1, 1, 0]);
  assert.equal((await take()).term, 2, 'and the next call takes it');
});

test('the end that an earlier call reports is shown when the claim of the next one failed', async () => {
  const { take, next, current } = setting();
  const former = await take();
  former.report({ state: 'Counting' });
  await former.commit(counts(1));
  next(fault(503));
  await assert.rejects(take(), { reason: 'LEDGER_UNAVAILABLE' });
  former.report({ state: 'Disconnected', reason: 'AgentGone' });
  await until(() => current().status?.stream?.state === 'Disconnected');
  assert.equal(current().status?.stream?.reason, 'AgentGone');
});

test('a report rides with the commit that comes before its turn', async () => {
  const { take, writes, current } = setting();
  const writer = await take();
  writer.report({ state: 'Counting' });
  await writer.commit(counts(1));
  assert.equal(writes.length, 2);
  assert.deepEqual([current().status?.stream?.state, current().status?.counts?.in], ['Counting', 1]);
});

test('many commits and reports cause at most one write in two seconds, and the last of each is written', async () => {
  const { take, writes, clock, current } = setting();
  const writer = await take();
  const end = clock.seconds() + 60;
  const committing = (async () => {
    for (let entered = 1; clock.seconds() < end; entered += 1) await writer.commit(counts(entered));
  })();
  const reasons = ['CameraLost', 'CameraUnreachable', 'CameraUnauthorized'];
  for (let turn = 0; clock.seconds() < end; turn += 1) {
    writer.report({ state: 'Interrupted', reason: reasons[turn % 3]! });
    await new Promise((resolve) => setImmediate(resolve));
  }
  await committing;
  writer.report({ state: 'Counting' });
  await writer.commit(counts(1000));
  const apart = writes.slice(1).map(({ at }, index) => at - writes[index]!.at);
  assert.ok(Math.min(...apart) >= 2, `they were ${Math.min(...apart)} s apart`);
  assert.ok(writes.length > 20, 'there were many writes');
  assert.deepEqual([current().status?.stream?.state, current().status?.counts?.in], ['Counting', 1000]);
});

test('while nothing changes, nothing is written', async () => {
  const { take, results } = setting();
  const writer = await take();
  await writer.commit(counts(1));
  writer.report({ state: 'Counting' });
  await writer.commit(counts(1));
  const before = results.length;
  for (let turn = 0; turn < 20; turn += 1) {
    writer.report({ state: 'Counting' });
    await writer.commit(counts(1));
  }
  assert.equal(results.length, before);
});

test('a refusal is written once, however often the agent tries', async () => {
  const { ledger, writes, take } = setting();
  const report = { state: 'Refused', reason: 'ModelUnavailable', message: 'There is no model.' } as const;
  for (let tries = 0; tries < 5; tries += 1) await ledger.refuse(door, 's', report);
  assert.equal(writes.length, 1);
  const writer = await take();
  assert.equal(writer.term, 1, 'and it took no term');
  await ledger.refuse(door, 's', report);
  assert.equal(writes.at(-1)?.status.stream?.state, 'Starting', 'the writer reports the state of its stream');
});

test('a stream that cannot be decoded costs one write an attempt, and its state does not change', async () => {
  const { take, writes, current } = setting();
  const undecodable = { state: 'Refused', reason: 'UnsupportedCodec', message: 'It is not video.', observedGeneration: 1 } as const;
  for (let tries = 0; tries < 4; tries += 1) {
    const writer = await take();
    assert.equal(current().status?.stream?.state, tries === 0 ? 'Starting' : 'Refused');
    writer.report(undecodable);
    await until(() => current().status?.stream?.state === 'Refused');
    await writer.close();
  }
  assert.equal(writes.length, 5, 'the first refusal, and a term for each attempt');
  assert.equal(new Set(writes.slice(1).map(({ status }) => status.stream?.since)).size, 1);
  assert.equal(current().status?.stream?.reason, 'UnsupportedCodec');
});

test('zones are empty while the camera is away, and report their people again when it is back', async () => {
  const { take, current, writes } = setting();
  const writer = await take();
  writer.report({ state: 'Counting' });
  await writer.commit({ ...counts(1), zones: [{ name: 'queue', occupancy: 2 }] });
  const occupancy = () => current().status?.counts?.zones[0]?.occupancy;
  assert.equal(occupancy(), 2);
  const before = writes.length;
  writer.report({ state: 'Interrupted', reason: 'CameraLost' });
  await writer.commit({ ...counts(1), zones: [{ name: 'queue', occupancy: 3 }] });
  assert.deepEqual([occupancy(), current().status?.stream?.state, writes.length], [0, 'Interrupted', before + 1]);
  writer.report({ state: 'Counting' });
  await writer.commit({ ...counts(2), zones: [{ name: 'queue', occupancy: 1 }] });
  assert.equal(occupancy(), 1);
});

test('zones are empty once the agent is gone', async () => {
  const { take, current } = setting();
  const writer = await take();
  writer.report({ state: 'Counting' });
  await writer.commit({ ...counts(1), zones: [{ name: 'queue', occupancy: 2 }] });
  writer.report({ state: 'Disconnected', reason: 'AgentGone' });
  await until(() => current().status?.stream?.state === 'Disconnected');
  assert.deepEqual([current().status?.counts?.zones[0]?.occupancy, current().status?.counts?.in], [0, 1]);
});

test('the last report of a writer is written once the API server is back', async () => {
  const { take, next, current } = setting();
  const writer = await take();
  writer.report({ state: 'Counting' });
  await writer.commit(counts(1));
  next(fault(403), fault(503), fault(503), 'taken');
  await assert.rejects(writer.commit(counts(2)), { reason: 'LEDGER_UNAVAILABLE' });
  writer.report({ state: 'Disconnected', reason: 'AgentGone' });
  await until(() => current().status?.stream?.reason === 'AgentGone');
  assert.equal(current().status?.counts?.in, 1, 'and counts that were not committed are not written');
});

test("the last report of a lost writer does not replace the next writer's", async () => {
  const { take, next, current, ledger, writes } = setting();
  const writer = await take();
  writer.report({ state: 'Counting' });
  await writer.commit(counts(1));
  next(fault(403));
  await assert.rejects(writer.commit(counts(2)), { reason: 'LEDGER_UNAVAILABLE' });
  writer.report({ state: 'Disconnected', reason: 'AgentGone' });
  const again = await take();
  again.report({ state: 'Counting' });
  await again.commit(counts(2));
  const before = writes.length;
  await ledger.close();
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([current().status?.stream?.state, writes.length], ['Counting', before]);
});

test('deferred counts ride with the next report, and cost no write of their own', async () => {
  const { take, writes, current } = setting();
  const writer = await take();
  writer.report({ state: 'Counting' });
  await writer.commit(counts(1));
  const before = writes.length;
  writer.defer({ ...counts(1), position: 500, time: '2026-01-01T01:00:00.000Z' });
  assert.equal(writes.length, before);
  writer.report({ state: 'Disconnected', reason: 'AgentGone' });
  await until(() => current().status?.stream?.state === 'Disconnected');
  assert.deepEqual(
    [writes.length, current().status?.counts?.position, current().status?.counts?.time],
    [before + 1, 500, '2026-01-01T01:00:00.000Z'],
  );
});

test('no term is taken for an agent that is gone when the turn comes', async () => {
  const { ledger, writes } = setting();
  const gone = AbortSignal.abort(new Error('the agent is gone'));
  await assert.rejects(ledger.claim(door, await ledger.read(door), 's', gone), /the agent is gone/);
  assert.equal(writes.length, 0);
});

test('a counter whose stream another counter has taken writes nothing more, whether or not the API server has a fence', async () => {
  const { api, clock, take, current } = setting();
  const zombie = await take();
  await zombie.commit(counts(1));
  const other = new StatusLedger({ api, counter: 'b', clock });
  const writer = await other.claim(door, await other.read(door), 's');
  await assert.rejects(zombie.commit(counts(9)), Fenced);
  assert.deepEqual([current().status?.counts?.term, current().status?.counts?.in], [2, 1]);
  await writer.commit(counts(2));
  assert.equal(current().status?.counts?.in, 2);
});

async function until(holds: () => boolean): Promise<void> {
  const late = performance.now() + 5000;
  while (!holds()) {
    assert.ok(performance.now() < late, `it did not come true: ${String(holds)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
