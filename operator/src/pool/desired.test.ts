import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf } from '../fixtures/objects.ts';
import { desiredPool } from './desired.ts';

const pool = (changes: object = {}) => configOf({ counter: { image: 'counter:1', ...changes } });

test('a minimum above the maximum is refused with the field', () => {
  assert.throws(() => pool({ minimum: 5, maximum: 4 }), { message: 'FOOTFALL_OPERATOR: counter.minimum: must not be above maximum.' });
});

test('on a CPU no GPU is requested; on a GPU each counter requests one, and a rollout needs no additional one', () => {
  const onCpu = desiredPool(1, pool(), undefined).deployment.spec!;
  assert.deepEqual(onCpu.template.spec!.containers[0]!.resources!.limits, { memory: '4Gi' });
  const onGpu = desiredPool(1, pool({ provider: 'cuda', gpu: { runtimeClassName: 'nvidia' } }), undefined).deployment.spec!;
  assert.equal(onGpu.template.spec!.containers[0]!.resources!.limits!['nvidia.com/gpu'], '1');
  assert.equal(onGpu.template.spec!.runtimeClassName, 'nvidia');
  assert.equal(onGpu.strategy!.rollingUpdate!.maxSurge, 0);
});

test('the Service is headless: agents need the address of each counter', () => {
  assert.equal(desiredPool(1, pool(), undefined).service.spec!.clusterIP, 'None');
});

test("the pool is owned by the operator's own Deployment", () => {
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'footfall-operator', uid: 'uid-2' };
  const { service, deployment } = desiredPool(1, pool(), owner);
  assert.deepEqual(
    [service, deployment].map(({ metadata }) => metadata!.ownerReferences),
    [[owner], [owner]],
  );
});

test('counters watch the namespaces that the operator watches', () => {
  const clusterOf = (watchNamespaces: string[]) => {
    const { deployment } = desiredPool(1, configOf({ watchNamespaces }), undefined);
    const value = deployment.spec!.template.spec!.containers[0]!.env!.find(({ name }) => name === 'FOOTFALL_COUNTER')!.value!;
    return (JSON.parse(value) as { cluster: object }).cluster;
  };
  assert.deepEqual(clusterOf([]), { counter: '$(POD_NAME)' });
  assert.deepEqual(clusterOf(['shop']), { counter: '$(POD_NAME)', namespaces: ['shop'] });
});

test("the runtime class of the GPU takes precedence over the pod's", () => {
  const classOf = (gpu?: object) =>
    desiredPool(1, configOf({ counter: { image: 'counter', runtimeClassName: 'gvisor', gpu } }), undefined).deployment.spec!.template.spec!
      .runtimeClassName;
  assert.deepEqual([classOf(), classOf({}), classOf({ runtimeClassName: 'nvidia' })], ['gvisor', 'gvisor', 'nvidia']);
});

test("counters mount the certificate and its key, and not the authority's", () => {
  const { volumes, containers } = desiredPool(1, configOf({ tls: { secretName: 'ours' } }), undefined).deployment.spec!.template.spec!;
  const { secret } = volumes!.find(({ name }) => name === 'certificate')!;
  assert.deepEqual([secret!.secretName, secret!.items!.map(({ path }) => path)], ['ours', ['tls.crt', 'tls.key']]);
  const config = JSON.parse(containers[0]!.env!.find(({ name }) => name === 'FOOTFALL_COUNTER')!.value!) as { tls: object };
  assert.deepEqual(config.tls, {
    certificateFile: '/var/run/footfall/certificate/tls.crt',
    keyFile: '/var/run/footfall/certificate/tls.key',
  });
});
