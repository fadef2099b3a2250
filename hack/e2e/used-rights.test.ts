import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Right } from '../chart/rights.ts';
import type { Call } from './audit.ts';
import { denied, unused } from './used-rights.ts';

const call = (verb: string, objectRef: Call['objectRef'], changes: Partial<Call> = {}): Call => ({
  verb,
  requestURI: '/apis?x=1',
  stageTimestamp: '2026-01-01T00:00:10Z',
  user: { username: 'system:serviceaccount:footfall-system:footfall-operator' },
  ...(objectRef && { objectRef }),
  responseStatus: { code: 200 },
  annotations: { 'authorization.k8s.io/reason': 'RBAC: allowed by ClusterRoleBinding "footfall-operator-streams"' },
  ...changes,
});
const right = (verbs: readonly string[], changes: Partial<Right> = {}): Right => ({
  who: 'operator',
  where: 'streams',
  group: 'apps',
  resource: 'deployments',
  verbs: Object.fromEntries(verbs.map((verb) => [verb, ''])),
  ...changes,
});
const deployment = { apiGroup: 'apps', resource: 'deployments', namespace: 'shop', name: 'door-agent' };

test('a verb that nobody used is told, by whom and where', () => {
  assert.deepEqual(unused([right(['patch', 'delete'])], [call('patch', deployment)]), ['operator: delete deployments.apps (streams)']);
});

test('an apply that made something has used the right to create', () => {
  const made = call('patch', deployment, { responseStatus: { code: 201 } });
  assert.deepEqual(unused([right(['create', 'patch'])], [made]), []);
  assert.deepEqual(unused([right(['create'])], [call('patch', deployment)]), ['operator: create deployments.apps (streams)']);
});

test('a right by name is used by that name, and one to a subresource by that alone', () => {
  const named = right(['patch'], { name: 'footfall-counter' });
  assert.equal(unused([named], [call('patch', deployment)]).length, 1);
  assert.equal(unused([named], [call('patch', { ...deployment, name: 'footfall-counter' })]).length, 0);
  const status = right(['patch'], { resource: 'deployments/status' });
  assert.equal(unused([status], [call('patch', deployment)]).length, 1);
  assert.equal(unused([status], [call('patch', { ...deployment, subresource: 'status' })]).length, 0);
});

test("what the own namespace's role is for is not shown by who may do it everywhere", () => {
  const own = right(['list'], { where: 'own-namespaced' });
  const there = { apiGroup: 'apps', resource: 'deployments', namespace: 'footfall-system' };
  assert.equal(unused([own], [call('list', there)]).length, 1);
  const byRole = { annotations: { 'authorization.k8s.io/reason': 'RBAC: allowed by RoleBinding "footfall-operator/footfall-system"' } };
  assert.equal(unused([own], [call('list', there, byRole)]).length, 0);
});

test("another account's calls show nothing", () => {
  const other = { user: { username: 'system:serviceaccount:shop:footfall-operator' } };
  assert.equal(unused([right(['list'])], [call('list', deployment, other)]).length, 1);
});

test('what was denied is told once, unless the release was just taken away', () => {
  const forbidden = call('get', deployment, { annotations: { 'authorization.k8s.io/decision': 'forbid' } });
  assert.deepEqual(denied([forbidden, forbidden, call('get', deployment)], []), [
    'system:serviceaccount:footfall-system:footfall-operator: get /apis',
  ]);
  const at = Date.parse(forbidden.stageTimestamp);
  assert.deepEqual(denied([forbidden], [{ from: at - 1, to: at + 1 }]), []);
});
