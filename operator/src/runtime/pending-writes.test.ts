import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resources } from '#crds/cluster/api.ts';
import { PendingWrites } from './pending-writes.ts';

const { deployments, services } = resources;
const version = (resourceVersion: string) => ({ metadata: { namespace: 'shop', name: 'door', resourceVersion } });

test('a write counts until an informer shows it or something newer', () => {
  const writes = new PendingWrites();
  writes.add(deployments, version('100'));
  assert.equal(writes.newest(deployments, version('99')).metadata.resourceVersion, '100');
  assert.equal(writes.newest(services, version('99')).metadata.resourceVersion, '99', 'it is of another resource');
  writes.confirm(deployments, version('99'));
  assert.equal(writes.newest(deployments, version('99')).metadata.resourceVersion, '100');
  writes.confirm(deployments, version('100'));
  assert.equal(writes.get(deployments, 'shop', 'door'), undefined);
});

test('versions are compared as numbers', () => {
  const writes = new PendingWrites();
  writes.add(deployments, version('1000'));
  assert.equal(writes.newest(deployments, version('999')).metadata.resourceVersion, '1000');
});

test('a write that no informer has shown for a while no longer counts', () => {
  let now = 0;
  const writes = new PendingWrites(() => now);
  writes.add(deployments, version('120'));
  now = 30_000;
  assert.notEqual(writes.get(deployments, 'shop', 'door'), undefined);
  now = 30_001;
  assert.equal(writes.get(deployments, 'shop', 'door'), undefined);
});
