/** What no role of the chart allows, by the table of rights; that the roles are those of the table is in `rights.helm.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rights } from './rights.ts';

test('no Secret but those of the certificate, by name, no pod from within, no role, and nothing by a wildcard', () => {
  const forbidden = /^(pods\/.*|.*roles|.*rolebindings|\*)$/;
  assert.deepEqual(
    rights.filter(({ group, resource, verbs }) => forbidden.test(resource) || group === '*' || '*' in verbs),
    [],
  );
  const secrets = rights
    .filter(({ resource }) => resource === 'secrets')
    .map(({ who, where, name, verbs }) => [who, where, name, Object.keys(verbs)]);
  assert.deepEqual(
    secrets,
    ['footfall-counter-tls', 'footfall-counter-authority'].map((name) => ['operator', 'own-certificate', name, ['get', 'update']]),
  );
});
