/** Replicas that compete for a lease, on a real API server. */
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { type KubernetesObject, resources } from '#crds/cluster/api.ts';
import { connect } from '#crds/cluster/client.ts';
import { createLog } from '#proto/process/log.ts';
import { until } from '../../../hack/machine/until.ts';
import { ControlPlane, withoutControlPlane } from '../../../hack/machine/control-plane.ts';
import { BreakingProxy } from '../../../hack/machine/proxy.ts';
import { LeaderLease, LeadershipLost, type LeaseOptions } from './lease.ts';

const log = createLog('lease-test', 'silent');
const times = { leaseSeconds: 3, renewSeconds: 2, retrySeconds: 0.3 };

suite('a lease', { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  const replicas: { stop(): Promise<void> }[] = [];
  before(async () => {
    plane = await ControlPlane.start();
  });
  after(() => plane.stop());
  afterEach(async () => {
    await Promise.allSettled(replicas.splice(0).map((one) => one.stop()));
  });

  /** A replica that leads when it holds the lease, until it is stopped. */
  function replica(namespace: string, identity: string, options: Partial<LeaseOptions> = {}) {
    const stop = new AbortController();
    const seen = { leads: false, since: NaN, until: NaN };
    const ended = new LeaderLease({
      api: plane.api,
      namespace,
      name: 'leader',
      identity,
      log,
      ...times,
      onLeading: (leads) => (seen.leads = leads),
      ...options,
    }).lead(stop.signal, async (signal) => {
      seen.since = performance.now();
      await aborted(signal);
      seen.until = performance.now();
    });
    // The test looks at the result later.
    ended.catch(() => undefined);
    const made = {
      seen,
      ended,
      stop: async () => {
        stop.abort();
        await ended;
      },
    };
    replicas.push(made);
    return made;
  }

  const leaseIn = (namespace: string) =>
    plane.api.get<KubernetesObject & { spec: Record<string, unknown> }>(resources.leases, { namespace, name: 'leader' });

  test('is held by one of several replicas, and acquired by another at once when it is released', async () => {
    const namespace = await plane.makeNamespace();
    const three = ['a', 'b', 'c'].map((identity) => replica(namespace, identity));
    await until(() => three.some(({ seen }) => seen.leads));
    const [first] = three.filter(({ seen }) => seen.leads);
    // For longer than its duration: it is renewed, and the other replicas see that.
    const {
      spec: { renewTime: earlier },
    } = await leaseIn(namespace);
    await until(
      async () =>
        Date.parse(String((await leaseIn(namespace)).spec['renewTime'])) - Date.parse(String(earlier)) > times.leaseSeconds * 1000,
    );
    assert.deepEqual(
      three.filter(({ seen }) => seen.leads),
      [first],
    );
    assert.match(String((await leaseIn(namespace)).spec['renewTime']), /\.\d{6}Z$/);
    await first!.stop();
    const released = performance.now();
    const others = three.filter((other) => other !== first);
    await until(() => others.some(({ seen }) => seen.leads));
    assert.ok(performance.now() - released < (times.leaseSeconds * 1000) / 2, 'sooner than the lease would have ended');
    assert.equal((await leaseIn(namespace)).spec['leaseTransitions'], 1, 'a release is no transition');
  });

  test('is given up by a leader that cannot renew it, before another replica acquires it', async (context) => {
    const namespace = await plane.makeNamespace();
    const proxy = await BreakingProxy.start(plane);
    const api = connect({ kubeconfig: proxy.kubeconfig, userAgent: 'lease-test' });
    context.after(async () => {
      await proxy.stop();
      await api.close();
    });
    const cutOff = replica(namespace, 'cut-off', { api });
    await until(() => cutOff.seen.leads);
    const other = replica(namespace, 'other');
    proxy.swallow();
    const gone = performance.now();
    await assert.rejects(cutOff.ended, LeadershipLost);
    await until(() => other.seen.leads);
    assert.ok(cutOff.seen.until < other.seen.since, 'never two at a time');
    assert.ok(performance.now() - gone < 2 * times.leaseSeconds * 1000);
  });

  test('survives a restart of the API server', async () => {
    const namespace = await plane.makeNamespace();
    const patient = replica(namespace, 'patient', { leaseSeconds: 30, renewSeconds: 25 });
    await until(() => patient.seen.leads);
    await plane.restartApiServer();
    const {
      spec: { renewTime: earlier },
    } = await leaseIn(namespace);
    await until(async () => (await leaseIn(namespace)).spec['renewTime'] !== earlier);
    await patient.stop();
    assert.equal((await leaseIn(namespace)).spec['holderIdentity'], '');
  });

  test('is lost when another client writes its identity into it', async () => {
    const namespace = await plane.makeNamespace();
    const robbed = replica(namespace, 'robbed');
    await until(() => robbed.seen.leads);
    await plane.api.merge(resources.leases, { namespace, name: 'leader' }, { spec: { holderIdentity: 'robber' } });
    await assert.rejects(robbed.ended, /taken by robber/);
    assert.equal((await leaseIn(namespace)).spec['holderIdentity'], 'robber', 'and not released by the loser');
  });

  test('is lost in time even if the work does not end', async (context) => {
    const namespace = await plane.makeNamespace();
    const stop = new AbortController();
    const work = Promise.withResolvers<void>();
    const lease = new LeaderLease({ api: plane.api, namespace, name: 'leader', identity: 'stuck', log, ...times });
    const leading = lease.lead(stop.signal, () => work.promise);
    context.after(() => {
      stop.abort();
      work.resolve();
      return leading.catch(() => undefined);
    });
    await until(() =>
      leaseIn(namespace).then(
        () => true,
        () => false,
      ),
    );
    await plane.api.merge(resources.leases, { namespace, name: 'leader' }, { spec: { holderIdentity: 'robber' } });
    const robbed = performance.now();
    await assert.rejects(leading, LeadershipLost);
    assert.ok(performance.now() - robbed < times.leaseSeconds * 1000);
  });

  test('is released when the work fails, and the error is thrown', async () => {
    const namespace = await plane.makeNamespace();
    const lease = new LeaderLease({ api: plane.api, namespace, name: 'leader', identity: 'a', log, ...times });
    await assert.rejects(
      lease.lead(new AbortController().signal, () => Promise.reject(new Error('broken work'))),
      /broken work/,
    );
    assert.equal((await leaseIn(namespace)).spec['holderIdentity'], '');
  });
});

/** Work that ends with its signal. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
