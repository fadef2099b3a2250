import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf } from '../fixtures/objects.ts';
import { desiredPool, poolSize } from './desired.ts';
import { PoolSize } from './reconcile.ts';

const pool = (changes: object = {}) => configOf({ counter: { image: 'counter:1', ...changes } });

test('there are as many counters as the streams need, within the bounds', () => {
  const { counter } = pool({ streamsPerCounter: 8, minimum: 1, maximum: 3 });
  assert.deepEqual(
    [0, 1, 8, 9, 16, 17, 100].map((streams) => poolSize(streams, counter)),
    [1, 1, 1, 2, 2, 3, 3],
  );
  assert.equal(poolSize(5, pool({ minimum: 0, maximum: 0 }).counter), 0);
});

test('a minimum above the maximum is refused with the field', () => {
  assert.throws(() => pool({ minimum: 5, maximum: 4 }), { message: 'FOOTFALL_OPERATOR: counter.minimum: must not be above maximum.' });
});

test('on a CPU no GPU is asked for; on a GPU each counter asks for its own, and none is surged', () => {
  const onCpu = desiredPool(1, pool(), undefined).deployment.spec!;
  assert.deepEqual(onCpu.template.spec!.containers[0]!.resources!.limits, { memory: '4Gi' });
  const onGpu = desiredPool(1, pool({ provider: 'cuda', gpu: { runtimeClassName: 'nvidia' } }), undefined).deployment.spec!;
  assert.equal(onGpu.template.spec!.containers[0]!.resources!.limits!['nvidia.com/gpu'], '1');
  assert.equal(onGpu.template.spec!.runtimeClassName, 'nvidia');
  assert.equal(onGpu.strategy!.rollingUpdate!.maxSurge, 0);
});

test('agents find each counter by itself: the Service is headless', () => {
  assert.equal(desiredPool(1, pool(), undefined).service.spec!.clusterIP, 'None');
});

test("the pool goes with the operator's own Deployment", () => {
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'footfall-operator', uid: 'uid-2' };
  const { service, deployment } = desiredPool(1, pool(), owner);
  assert.deepEqual(
    [service, deployment].map(({ metadata }) => metadata!.ownerReferences),
    [[owner], [owner]],
  );
});

test('the pool grows at once, and shrinks when less has been enough for a minute', () => {
  const size = new PoolSize();
  const bounds = { minimum: 1, maximum: 4 };
  assert.deepEqual(size.settle(3, 1, bounds, 0), { size: 3 });
  assert.deepEqual(size.settle(1, 3, bounds, 10), { size: 3, againSeconds: 60 });
  assert.deepEqual(size.settle(2, 3, bounds, 50), { size: 3, againSeconds: 20 });
  assert.deepEqual(size.settle(3, 3, bounds, 60), { size: 3 }, 'needed again: the minute begins anew');
  assert.deepEqual(size.settle(1, 3, bounds, 70), { size: 3, againSeconds: 60 });
  assert.deepEqual(size.settle(1, 3, bounds, 130), { size: 1 });
});

test('a lower maximum is obeyed at once', () => {
  assert.deepEqual(new PoolSize().settle(1, 3, { minimum: 1, maximum: 2 }, 0), { size: 1 });
});

test('counters look for streams where the operator does', () => {
  const told = (watchNamespaces: string[]) => {
    const { deployment } = desiredPool(1, configOf({ watchNamespaces }), undefined);
    const value = deployment.spec!.template.spec!.containers[0]!.env!.find(({ name }) => name === 'FOOTFALL_COUNTER')!.value!;
    return (JSON.parse(value) as { cluster: object }).cluster;
  };
  assert.deepEqual(told([]), { counter: '$(POD_NAME)' });
  assert.deepEqual(told(['shop']), { counter: '$(POD_NAME)', namespaces: ['shop'] });
});

test("on a GPU the runtime class is the GPU's, else the pods' own", () => {
  const classOf = (gpu?: object) =>
    desiredPool(1, configOf({ counter: { image: 'counter', runtimeClassName: 'gvisor', gpu } }), undefined).deployment.spec!.template.spec!
      .runtimeClassName;
  assert.deepEqual([classOf(), classOf({}), classOf({ runtimeClassName: 'nvidia' })], ['gvisor', 'gvisor', 'nvidia']);
});

test("counters mount the certificate with its key, and not the authority's", () => {
  const { volumes, containers } = desiredPool(1, configOf({ tls: { secretName: 'ours' } }), undefined).deployment.spec!.template.spec!;
  const { secret } = volumes!.find(({ name }) => name === 'certificate')!;
  assert.deepEqual([secret!.secretName, secret!.items!.map(({ path }) => path)], ['ours', ['tls.crt', 'tls.key']]);
  const told = JSON.parse(containers[0]!.env!.find(({ name }) => name === 'FOOTFALL_COUNTER')!.value!) as { tls: object };
  assert.deepEqual(told.tls, {
    certificateFile: '/var/run/footfall/certificate/tls.crt',
    keyFile: '/var/run/footfall/certificate/tls.key',
  });
});
