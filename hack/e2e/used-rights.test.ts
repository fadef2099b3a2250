import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Right } from '../chart/rights.ts';
import type { Call } from './audit.ts';
import { deniedCalls, unusedVerbs } from './used-rights.ts';

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

test('an unused verb is reported with its account and place', () => {
  assert.deepEqual(unusedVerbs([right(['patch', 'delete'])], [call('patch', deployment)]), ['operator: delete deployments.apps (streams)']);
});

test('an apply that created an object has used the right to create', () => {
  const made = call('patch', deployment, { responseStatus: { code: 201 } });
  assert.deepEqual(unusedVerbs([right(['create', 'patch'])], [made]), []);
  assert.deepEqual(unusedVerbs([right(['create'])], [call('patch', deployment)]), ['operator: create deployments.apps (streams)']);
});

test('a right for a name is used only with that name, and one for a subresource only with that', () => {
  const named = right(['patch'], { name: 'footfall-counter' });
  assert.equal(unusedVerbs([named], [call('patch', deployment)]).length, 1);
  assert.equal(unusedVerbs([named], [call('patch', { ...deployment, name: 'footfall-counter' })]).length, 0);
  const status = right(['patch'], { resource: 'deployments/status' });
  assert.equal(unusedVerbs([status], [call('patch', deployment)]).length, 1);
  assert.equal(unusedVerbs([status], [call('patch', { ...deployment, subresource: 'status' })]).length, 0);
});

test("a call that a ClusterRole allows does not use a right of the release's namespace", () => {
  const own = right(['list'], { where: 'own-namespaced' });
  const there = { apiGroup: 'apps', resource: 'deployments', namespace: 'footfall-system' };
  assert.equal(unusedVerbs([own], [call('list', there)]).length, 1);
  const byRole = { annotations: { 'authorization.k8s.io/reason': 'RBAC: allowed by RoleBinding "footfall-operator/footfall-system"' } };
  assert.equal(unusedVerbs([own], [call('list', there, byRole)]).length, 0);
});

test("another account's calls use no right of Footfall's", () => {
  const other = { user: { username: 'system:serviceaccount:shop:footfall-operator' } };
  assert.equal(unusedVerbs([right(['list'])], [call('list', deployment, other)]).length, 1);
});

test('a denied call is reported once, unless Helm was narrowing or deleting roles', () => {
  const forbidden = call('get', deployment, { annotations: { 'authorization.k8s.io/decision': 'forbid' } });
  assert.deepEqual(deniedCalls([forbidden, forbidden, call('get', deployment)], []), [
    'system:serviceaccount:footfall-system:footfall-operator: get /apis',
  ]);
  const at = Date.parse(forbidden.stageTimestamp);
  assert.deepEqual(deniedCalls([forbidden], [{ from: at - 1, to: at + 1 }]), []);
});
