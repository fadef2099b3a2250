/** Events on a real API server. */
import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';
import { type ApiServer, type KubernetesObject, resources } from '#crds/cluster/api.ts';
import { connect } from '#crds/cluster/client.ts';
import { createLog } from '#proto/process/log.ts';
import { until } from '../../../hack/machine/until.ts';
import { ControlPlane, withoutControlPlane } from '../../../hack/machine/control-plane.ts';
import { BreakingProxy } from '../../../hack/machine/proxy.ts';
import { type Clock, monotonic } from './clock.ts';
import { EventRecorder, type EventResult, type NewEvent, type RecorderOptions } from './recorder.ts';

interface Written extends KubernetesObject {
  readonly note: string;
  readonly type: string;
  readonly reportingController: string;
  readonly regarding: { readonly name: string; readonly kind: string };
  readonly series?: { readonly count: number };
}

suite('the recorder', { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await ControlPlane.start();
  });
  after(() => plane.stop());

  /** Stopped at the end of the test, when it is not before. */
  function recorder(context: TestContext, options: Partial<RecorderOptions> & { api?: ApiServer } = {}) {
    const results: EventResult[] = [];
    const made = new EventRecorder({
      api: plane.api,
      controller: 'footfall.dev/operator',
      instance: 'operator-0',
      log: createLog('recorder-test', 'silent'),
      onResult: (result) => results.push(result),
      ...options,
    });
    context.after(() => made.stop());
    return { recorder: made, results };
  }

  const eventOf = (namespace: string, note: string, name = 'door'): NewEvent => ({
    regarding: { apiVersion: 'footfall.dev/v1alpha1', kind: 'CameraStream', metadata: { namespace, name, uid: `uid-of-${name}` } },
    type: 'Warning',
    reason: 'CameraUnreachable',
    action: 'Reconcile',
    note,
  });
  const written = async (namespace: string) => (await plane.api.list<Written>(resources.events, { namespace })).items;

  test('creates an Event once, and counts in it what is recorded again', async (context) => {
    const namespace = await plane.makeNamespace();
    const { recorder: events } = recorder(context, { patchSeconds: 0.2 });
    events.record(eventOf(namespace, 'No answer.'));
    await until(async () => (await written(namespace)).length === 1);
    const [first] = await written(namespace);
    assert.deepEqual([first?.note, first?.type, first?.regarding.name, first?.series], ['No answer.', 'Warning', 'door', undefined]);
    for (let again = 0; again < 4; again += 1) events.record(eventOf(namespace, 'No answer.'));
    events.record(eventOf(namespace, 'No route.'));
    await until(async () => (await written(namespace)).some(({ series }) => series?.count === 5));
    assert.equal((await written(namespace)).length, 2);
  });

  test('patches the count at most every ten seconds, and once more when it stops', async (context) => {
    const namespace = await plane.makeNamespace();
    const { recorder: events, results } = recorder(context);
    events.record(eventOf(namespace, 'No answer.'));
    await until(() => results.length === 1);
    for (let again = 0; again < 20; again += 1) events.record(eventOf(namespace, 'No answer.'));
    await events.stop();
    assert.deepEqual(results, ['created', 'patched']);
    assert.deepEqual(
      (await written(namespace)).map(({ series }) => series?.count),
      [21],
    );
  });

  test('creates a new Event when the last one is more than six minutes old', async (context) => {
    const namespace = await plane.makeNamespace();
    let ahead = 0;
    const clock: Clock = { now: () => monotonic.now() + ahead, after: (seconds, ring) => monotonic.after(seconds, ring) };
    const { recorder: events } = recorder(context, { clock });
    events.record(eventOf(namespace, 'No answer.'));
    await until(async () => (await written(namespace)).length === 1);
    ahead = 361;
    events.record(eventOf(namespace, 'No answer.'));
    await until(async () => (await written(namespace)).length === 2);
  });

  test('limits the Events of one object, and not those of others', async (context) => {
    const namespace = await plane.makeNamespace();
    const { recorder: events, results } = recorder(context);
    for (let number = 0; number < 40; number += 1) events.record(eventOf(namespace, `Fault ${number}.`, 'loud'));
    events.record(eventOf(namespace, 'Fault.', 'quiet'));
    await events.stop();
    assert.equal(results.filter((result) => result === 'dropped').length, 15);
    const about = (await written(namespace)).map(({ regarding: { name } }) => name);
    assert.deepEqual([about.filter((name) => name === 'loud').length, about.filter((name) => name === 'quiet').length], [25, 1]);
  });

  test('creates the Event again when the server has deleted it', async (context) => {
    const namespace = await plane.makeNamespace();
    const { recorder: events, results } = recorder(context, { patchSeconds: 0.1 });
    events.record(eventOf(namespace, 'No answer.'));
    await until(() => results.length === 1);
    await plane.api.delete(resources.events, { namespace, name: (await written(namespace))[0]!.metadata!.name! });
    events.record(eventOf(namespace, 'No answer.'));
    await until(() => results.length === 2);
    assert.deepEqual(
      (await written(namespace)).map(({ series }) => series?.count),
      [2],
    );
  });

  test('writes an Event later when the server cannot be reached', async (context) => {
    const namespace = await plane.makeNamespace();
    const proxy = await BreakingProxy.start(plane);
    const api = connect({ kubeconfig: proxy.kubeconfig, userAgent: 'recorder-test' });
    context.after(async () => {
      await proxy.stop();
      await api.close();
    });
    const { recorder: events, results } = recorder(context, { api });
    proxy.refuse();
    events.record(eventOf(namespace, 'No answer.'));
    proxy.heal();
    await until(() => results.length === 1);
    assert.deepEqual([results, (await written(namespace)).length], [['created'], 1]);
  });

  test('gives up an Event that the server rejects, without a throw', async (context) => {
    const { recorder: events, results } = recorder(context);
    events.record(eventOf('no-such-namespace', 'No answer.'));
    await until(() => results.length === 1);
    assert.deepEqual(results, ['failed']);
  });
});
