/** The ledger on a real API server: which counter may write, and what stays in the status. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type KubernetesObject, resources } from '#crds/cluster/api.ts';
import type { CameraStreamSpec } from '#crds/schema.ts';
import { ControlPlane, withoutControlPlane } from '../../../hack/machine/control-plane.ts';
import { until } from '../../../hack/machine/until.ts';
import { counts as committed } from '../fixtures/ledger-process.ts';
import { patientClock } from '../fixtures/memory-api.ts';
import { FIELD_MANAGER } from './status-client.ts';
import type { CameraStreamObject } from './entry.ts';
import { type CommittedCounts, Fenced } from './ledger.ts';
import { StatusLedger } from './status.ts';

const { cameraStreams } = resources;
const counts = (entered: number, position: number, session = 's1'): CommittedCounts => ({ ...committed(entered, session), position });

suite('the ledger on a real API server', { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await ControlPlane.start();
  });
  after(() => plane.stop());

  async function declared(namespace?: string) {
    const metadata = { namespace: namespace ?? (await plane.makeNamespace()), name: 'door' };
    const spec: Partial<CameraStreamSpec> = {
      source: { url: 'rtsp://10.0.0.8/stream2', transport: 'tcp', realtime: false, insecureSkipTLSVerify: false },
      lines: [{ name: 'entrance', from: { x: 1, y: 1 }, to: { x: 9, y: 9 } }],
    };
    const { metadata: made } = await plane.api.create<KubernetesObject>(cameraStreams, {
      apiVersion: cameraStreams.apiVersion,
      kind: cameraStreams.kind,
      metadata,
      spec,
    } as KubernetesObject);
    return { ...metadata, uid: made!.uid! };
  }
  type Stream = Awaited<ReturnType<typeof declared>>;
  const counter = (name: string) => new StatusLedger({ api: plane.api, counter: name, clock: patientClock() });
  const take = async (ledger: StatusLedger, stream: Stream, session = 's1') => ledger.claim(stream, await ledger.read(stream), session);
  const look = ({ namespace, name }: Stream) => plane.api.get<CameraStreamObject>(cameraStreams, { namespace, name });

  test('of counters that read the same term, one takes the next', async () => {
    const stream = await declared();
    const readings = await Promise.all(['a', 'b', 'c'].map((name) => counter(name).read(stream)));
    const claims = await Promise.allSettled(readings.map((reading, index) => counter('abc'[index]!).claim(stream, reading, 's1')));
    assert.equal(claims.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const claim of claims) if (claim.status === 'rejected') assert.ok(claim.reason instanceof Fenced, String(claim.reason));
    assert.equal((await look(stream)).status?.counts?.term, 1);
  });

  test('a counter whose term was overtaken writes nothing more, neither counts nor state', async () => {
    const stream = await declared();
    const zombie = await take(counter('a'), stream);
    await zombie.commit(counts(1, 10));
    const next = await take(counter('b'), stream);
    assert.equal(next.counts?.in, 1);
    await assert.rejects(zombie.commit(counts(9, 90)), Fenced);
    zombie.report({ state: 'Disconnected', reason: 'Drained' });
    await zombie.close();
    const { status } = await look(stream);
    assert.deepEqual([status?.counts?.in, status?.counts?.term, status?.stream?.counter, status?.stream?.state], [1, 2, 'b', 'Starting']);
    await next.commit(counts(2, 20));
  });

  test('the validation rules of the resource are the second fence: an overtaken term is refused at any resource version', async () => {
    const stream = await declared();
    await take(counter('a'), stream);
    await take(counter('b'), stream);
    const { status } = await look(stream);
    const late = {
      apiVersion: cameraStreams.apiVersion,
      kind: cameraStreams.kind,
      metadata: stream,
      status: { ...status, counts: { ...status!.counts!, term: 1, in: 5 } },
    };
    await assert.rejects(plane.api.apply(cameraStreams, late, { fieldManager: FIELD_MANAGER, subresource: 'status' }), { code: 422 });
  });

  test('a stream that was deleted and made again is another one, for reading, claiming and committing', async () => {
    const stream = await declared();
    const ledger = counter('a');
    const writer = await take(ledger, stream);
    const reading = await ledger.read(stream);
    await plane.api.delete(cameraStreams, stream);
    await assert.rejects(ledger.read(stream), { reason: 'UNKNOWN_STREAM' });
    const again = await declared(stream.namespace);
    await assert.rejects(writer.commit(counts(1, 10)), { reason: 'UNKNOWN_STREAM' });
    await assert.rejects(ledger.read(stream), { reason: 'UNKNOWN_STREAM' });
    await assert.rejects(ledger.claim(stream, reading, 's1'), { reason: 'UNKNOWN_STREAM' });
    assert.equal((await look(again)).status, undefined, 'and nothing was written into the new one');
    assert.equal((await take(ledger, again)).term, 1);
  });

  test('counter and operator write their own parts of the status, and keep those of the other', async () => {
    const stream = await declared();
    const writer = await take(counter('a'), stream);
    const condition = {
      type: 'Ready',
      status: 'False',
      reason: 'WaitingForVideo',
      message: 'Wait.',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const judged = {
      apiVersion: cameraStreams.apiVersion,
      kind: cameraStreams.kind,
      metadata: { namespace: stream.namespace, name: stream.name },
      status: { conditions: [condition] },
    };
    await plane.api.apply(cameraStreams, judged, { fieldManager: 'footfall-operator', subresource: 'status' });
    await writer.commit(counts(1, 10));
    await plane.api.apply(cameraStreams, { ...judged, status: { conditions: [{ ...condition, status: 'True' }] } } as KubernetesObject, {
      fieldManager: 'footfall-operator',
      subresource: 'status',
    });
    writer.report({ state: 'Interrupted', reason: 'CameraLost', message: 'It is silent.' });
    await writer.commit(counts(2, 20));
    writer.report({ state: 'Counting' });
    await writer.commit(counts(3, 30));
    const { status } = await look(stream);
    assert.deepEqual([status?.counts?.in, status?.stream?.state, status?.conditions?.[0]?.status], [3, 'Counting', 'True']);
    assert.deepEqual([status?.stream?.reason, status?.stream?.message], [undefined, undefined], 'fields of the earlier report are removed');
  });

  test('another session keeps the totals and begins at its own first access unit', async () => {
    const stream = await declared();
    const first = await take(counter('a'), stream);
    await first.commit(counts(4, 900));
    const second = await take(counter('a'), stream, 's2');
    assert.deepEqual([second.counts?.in, second.counts?.session, second.counts?.position], [4, 's1', 900]);
    await second.commit(counts(5, 3, 's2'));
    const { status } = await look(stream);
    assert.deepEqual([status?.counts?.in, status?.counts?.session, status?.counts?.position], [5, 's2', 3]);
  });

  test('a term that never committed leaves the counts as they were', async () => {
    const stream = await declared();
    for (let calls = 0; calls < 3; calls += 1) assert.equal((await take(counter('a'), stream)).counts, undefined);
    await (await take(counter('a'), stream)).commit(counts(1, 10));
    await take(counter('b'), stream);
    assert.equal((await take(counter('a'), stream)).counts?.in, 1);
  });

  test('committed counts of an empty hall reach a session that claims twice before it commits', async () => {
    const stream = await declared();
    const quiet = { ...counts(0, 9000), lines: [{ name: 'entrance', in: 0, out: 0 }], observedSeconds: 900 };
    await (await take(counter('a'), stream)).commit(quiet);
    assert.equal((await take(counter('a'), stream, 's2')).counts?.observedSeconds, 900);
    const again = await take(counter('b'), stream, 's2');
    assert.deepEqual([again.counts?.observedSeconds, again.counts?.position, again.counts?.time], [900, 0, quiet.time]);
  });

  test('a counter that restarted under its name reports why it cannot count a stream that it counted before', async () => {
    const stream = await declared();
    (await take(counter('a'), stream)).report({ state: 'Counting' });
    await until(async () => (await look(stream)).status?.stream?.state === 'Counting');
    await counter('a').refuse(stream, 's1', { state: 'Refused', reason: 'ModelUnavailable', message: 'There is no model.' });
    assert.equal((await look(stream)).status?.stream?.reason, 'ModelUnavailable');
  });

  test('the status adds and removes lines and zones with the spec, down to none', async () => {
    const stream = await declared();
    const writer = await take(counter('a'), stream);
    const zones = [{ name: 'queue', occupancy: 2 }];
    await writer.commit({ ...counts(1, 10), zones });
    await writer.commit({ ...counts(1, 20), lines: [], zones });
    await writer.commit({ ...counts(1, 30), zones: [] });
    const { status } = await look(stream);
    assert.deepEqual([status?.counts?.lines.length, status?.counts?.zones, status?.counts?.in], [1, [], 1]);
  });

  test('a refusal is written once, and takes no term', async () => {
    const stream = await declared();
    const report = { state: 'Refused', reason: 'ModelUnavailable', message: 'There is no model.' } as const;
    await counter('a').refuse(stream, 's1', report);
    const { metadata, status } = await look(stream);
    assert.deepEqual([status?.stream?.reason, status?.counts], ['ModelUnavailable', undefined]);
    for (let tries = 0; tries < 3; tries += 1) await counter('b').refuse(stream, 's1', report);
    assert.equal((await look(stream)).metadata?.resourceVersion, metadata?.resourceVersion);
    const writer = await take(counter('a'), stream);
    assert.equal(writer.term, 1);
    await writer.commit(counts(1, 10));
  });
});
