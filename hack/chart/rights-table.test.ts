/** What the table of rights must and must not hold; `rights.helm.test.ts` compares the roles with the table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cameraStreams, configMaps, deployments, pods, serviceAccounts, services } from '../../operator/src/objects/cached.ts';
import { rights } from './rights.ts';

test('the table has no right on Secrets except those of the certificate, none to enter pods or change roles, and no wildcard', () => {
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

test('the operator may list and watch each resource of its informer caches, wherever it watches it', () => {
  const places = { watched: ['streams'], own: ['own'], both: ['streams', 'own-namespaced'] } as const;
  for (const { resource, scope } of [cameraStreams, configMaps, deployments, pods, serviceAccounts, services]) {
    for (const where of places[scope]) {
      const of = rights.filter((right) => right.who === 'operator' && right.where === where && right.resource === resource.plural);
      const verbs = of.flatMap((right) => Object.keys(right.verbs));
      assert.deepEqual(
        ['list', 'watch'].filter((verb) => !verbs.includes(verb)),
        [],
        `${resource.plural} ${where}`,
      );
    }
  }
});
