import assert from 'node:assert/strict';
import { test } from 'node:test';
import { covers } from './covers.ts';
import { desiredAgent } from '../streams/desired.ts';
import { configOf, streamOf } from '../fixtures/objects.ts';
import { isAsDesired, withDesiredHash } from './hash.ts';
import { WrittenObjects } from './pending-writes.ts';
import { resources } from '#crds/cluster/api.ts';

const desired = desiredAgent(streamOf({ nodeSelector: { arch: 'arm' } }), configOf()).deployment;

test('what the server filled in does not matter', () => {
  const there = { ...withDesiredHash(desired), spec: { ...desired.spec, progressDeadlineSeconds: 600 }, status: { replicas: 1 } };
  assert.equal(isAsDesired(there, desired), true);
});

test('a field that somebody changed is noticed', () => {
  assert.equal(isAsDesired({ ...withDesiredHash(desired), spec: { ...desired.spec, replicas: 5 } } as typeof desired, desired), false);
});

test('a wish that became less is noticed, though the object holds all of it', () => {
  const less = desiredAgent(streamOf(), configOf()).deployment;
  assert.equal(covers(withDesiredHash(desired).spec!.template.spec!.nodeSelector, less.spec!.template.spec!.nodeSelector), true);
  assert.equal(isAsDesired(withDesiredHash(desired), less), false);
});

test('quantities are the same in whichever way they are written', () => {
  assert.equal(covers({ cpu: '500m', memory: '1Gi', big: '2M' }, { cpu: '0.5', memory: '1024Mi', big: '2000k' }), true);
  assert.equal(covers({ cpu: '500m' }, { cpu: '0.6' }), false);
  assert.equal(covers('a', 'b'), false);
});

test('a list is as long as it is to be, unless its items have names: then others may add theirs', () => {
  assert.equal(covers([{ name: 'theirs' }, { name: 'ours', value: 1, more: 2 }], [{ name: 'ours', value: 1 }]), true);
  assert.equal(covers([{ name: 'theirs' }], [{ name: 'ours' }]), false);
  assert.equal(covers([1, 2], [1]), false);
  assert.equal(covers([{ a: 1 }, { a: 2 }], [{ a: 1 }]), false);
  assert.equal(covers([{ a: 1, b: 2 }], [{ a: 1 }]), true);
});

test('what was written counts until a mirror shows it or something newer', () => {
  let now = 0;
  const written = new WrittenObjects(() => now);
  const at = (resourceVersion: string) => ({ metadata: { namespace: 'shop', name: 'door', resourceVersion } });
  written.add(resources.deployments, at('100'));
  assert.equal(written.newer(resources.deployments, at('99')).metadata.resourceVersion, '100');
  assert.equal(written.newer(resources.services, at('99')).metadata.resourceVersion, '99');
  written.shown(resources.deployments, at('99'));
  assert.equal(written.newer(resources.deployments, at('99')).metadata.resourceVersion, '100');
  written.shown(resources.deployments, at('100'));
  assert.equal(written.unseen(resources.deployments, 'shop', 'door'), undefined);
  written.add(resources.deployments, at('120'));
  now = 60_000;
  assert.equal(
    written.unseen(resources.deployments, 'shop', 'door'),
    undefined,
    'an object that no mirror ever showed is not believed for ever',
  );
});
