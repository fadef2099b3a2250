/** A client of a real API server, over a connection that breaks. */
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { until } from '../../hack/machine/until.ts';
import { ControlPlane, withoutControlPlane } from '../../hack/machine/control-plane.ts';
import { BreakingProxy, isWatch } from '../../hack/machine/proxy.ts';
import { type ApiServer, ApiFault, isConflict, isNotFound, type KubernetesObject, type Resource } from './api.ts';
import { type AnsweredRequest, connect } from './client.ts';

const notes: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
const note = (namespace: string, name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
});

suite('a client of the API server', { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  let proxy: BreakingProxy;
  let api: ApiServer;
  const requests: AnsweredRequest[] = [];

  before(async () => {
    plane = await ControlPlane.start();
    proxy = await BreakingProxy.start(plane);
    api = connect({
      kubeconfig: proxy.kubeconfig,
      userAgent: 'client-test',
      answerSeconds: 1,
      onRequest: (request) => requests.push(request),
    });
  });
  afterEach(() => proxy?.heal());
  after(async () => {
    await proxy?.stop();
    await plane?.stop();
    await api?.close();
  });

  const fault = (promise: Promise<unknown>): Promise<ApiFault> =>
    promise.then(
      () => assert.fail('it was answered'),
      (error: unknown) => {
        assert.ok(error instanceof ApiFault, String(error));
        return error;
      },
    );

  test('reports each request with its verb, its status and its duration', async () => {
    const namespace = await plane.makeNamespace();
    requests.splice(0);
    await api.create(notes, note(namespace, 'one'));
    const { metadata } = await api.get<KubernetesObject>(notes, { namespace, name: 'one' });
    await api.replace(notes, note(namespace, 'one'));
    await fault(api.replace(notes, { ...note(namespace, 'one'), metadata: { ...metadata, resourceVersion: '1' } }));
    await api.apply(notes, note(namespace, 'one'), { fieldManager: 'test' });
    await api.merge(notes, { namespace, name: 'one' }, { data: {} });
    await api.list(notes, { namespace });
    await api.delete(notes, { namespace, name: 'one' });
    await fault(api.get(notes, { namespace, name: 'one' }));
    assert.deepEqual(
      requests.map(({ verb, method, code }) => `${verb} ${method} ${code}`),
      [
        'create POST 201',
        'get GET 200',
        'update PUT 200',
        'update PUT 409',
        'apply PATCH 200',
        'patch PATCH 200',
        'list GET 200',
        'delete DELETE 200',
        'get GET 404',
      ],
    );
    assert.ok(requests.every(({ plural, seconds }) => plural === 'configmaps' && seconds > 0));
  });

  test('distinguishes faults', async () => {
    const namespace = await plane.makeNamespace();
    assert.ok(isNotFound(await fault(api.get(notes, { namespace, name: 'none' }))));
    await api.create(notes, note(namespace, 'one'));
    assert.ok(isConflict(await fault(api.create(notes, note(namespace, 'one')))));
    const unknown = await fault(api.create(notes, { ...note(namespace, 'two'), dta: {} } as KubernetesObject));
    assert.deepEqual([unknown.code, unknown.transient], [400, false]);
    assert.match(unknown.message, /unknown field "dta"/);
    void proxy.breakNext(() => true, { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 7 });
    const busy = await fault(api.list(notes, { namespace }));
    assert.deepEqual([busy.code, busy.retryAfterSeconds, busy.transient], [429, 7, true]);
  });

  const stuck: readonly [string, () => void, RegExp][] = [
    ['nothing is answered', () => proxy.swallow(), /did not answer within 1 s/],
    ['an answer stops in its middle', () => void proxy.breakNext(() => true, 'half'), /did not answer within 1 s/],
    ['connections are refused', () => proxy.refuse(), /cannot be reached/],
  ];
  for (const [what, breakIt, sentence] of stuck) {
    test(`gives up in time when ${what}`, async () => {
      breakIt();
      const { code, message } = await fault(api.list(notes, { namespace: 'default' })).finally(() => proxy.heal());
      assert.equal(code, 0);
      assert.match(message, sentence);
      await api.list(notes, { namespace: 'default' });
    });
  }

  test('a watch that breaks is a fault, one that is aborted throws the reason, and one from a version too old has code 410', async () => {
    const namespace = await plane.makeNamespace();
    const {
      metadata: { resourceVersion = '' },
    } = await api.list(notes, { namespace });
    const watch = async (signal: AbortSignal) => {
      for await (const { type } of api.watch(notes, { namespace, resourceVersion }, signal)) assert.ok(type);
    };
    const broken = fault(watch(new AbortController().signal));
    await until(() => proxy.watches === 1);
    proxy.reset();
    assert.equal((await broken).code, 0);
    const stop = new AbortController();
    const stopped = watch(stop.signal);
    await until(() => proxy.watches === 1);
    stop.abort(new Error('enough'));
    await assert.rejects(stopped, /^Error: enough$/);
    void proxy.breakNext(isWatch, { status: 410, reason: 'Expired' });
    assert.equal((await fault(watch(new AbortController().signal))).code, 410);
  });
});
