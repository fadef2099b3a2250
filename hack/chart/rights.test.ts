/** The chart's roles allow exactly the verbs that rights.ts gives a reason for, in exactly those places. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { find, type Manifest, NAMESPACE, type Rendered, render, withoutHelm } from './helm.ts';
import { type Right, rights, type Where } from './rights.ts';

const skip = withoutHelm();

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Binding extends Manifest {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
}

test('the roles allow exactly the verbs of the table across the cluster', { skip }, () => {
  const rendered = render();
  assert.deepEqual(verbsInRoles(rendered, 'operator'), {
    '*': verbsInTable('operator', 'streams'),
    [NAMESPACE]: verbsInTable('operator', 'own', 'own-certificate'),
  });
  assert.deepEqual(verbsInRoles(rendered, 'counter'), { '*': verbsInTable('counter', 'streams', 'cluster') });
});

test("with watchNamespaces the roles are in these namespaces, and those for the pool in the release's", { skip }, () => {
  const rendered = render({ values: 'namespaced' });
  const operator = verbsInTable('operator', 'streams');
  assert.deepEqual(verbsInRoles(rendered, 'operator'), {
    'store-12': operator,
    'store-13': operator,
    [NAMESPACE]: verbsInTable('operator', 'own', 'own-namespaced', 'own-certificate'),
  });
  const counter = verbsInTable('counter', 'streams');
  assert.deepEqual(verbsInRoles(rendered, 'counter'), {
    '*': verbsInTable('counter', 'cluster'),
    'store-12': counter,
    'store-13': counter,
  });
});

test("the release's namespace may be a watched one", { skip }, () => {
  const rendered = render({ set: [`watchNamespaces={${NAMESPACE}}`] });
  assert.deepEqual(
    verbsInRoles(rendered, 'operator')[NAMESPACE],
    [
      ...new Set([...verbsInTable('operator', 'own', 'own-namespaced', 'own-certificate'), ...verbsInTable('operator', 'streams')]),
    ].toSorted(),
  );
});

test("the table has only the certificate's Secrets, by name, and no pod subresource, role or wildcard", () => {
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

for (const source of ['tls.secretName=ours', 'tls.certManager.issuerName=ours']) {
  test(`with ${source} the operator may read no Secret`, { skip }, () => {
    const rendered = render({ set: [source] });
    assert.deepEqual(verbsInRoles(rendered, 'operator')[NAMESPACE], verbsInTable('operator', 'own'));
    assert.deepEqual(
      rendered.objects.filter(({ kind }) => kind === 'Secret'),
      [],
    );
  });
}

test('accounts do not mount a token into pods automatically', { skip }, () => {
  for (const name of ['footfall-operator', 'footfall-counter'])
    assert.equal(find(render(), 'ServiceAccount', name)['automountServiceAccountToken'], false);
});

function verbsInTable(who: Right['who'], ...places: readonly Where[]): string[] {
  const of = rights.filter((right) => right.who === who && places.includes(right.where));
  return of
    .flatMap(({ group, resource, name, verbs }) => Object.keys(verbs).map((verb) => describe({ group, resource, name, verb })))
    .toSorted();
}

/** By namespace, `*` for the cluster: the verbs that all bindings of the account allow there. */
function verbsInRoles(rendered: Rendered, who: Right['who']): Record<string, string[]> {
  const bindings = rendered.objects.filter(({ kind }) => kind.endsWith('RoleBinding')) as Binding[];
  const places: Record<string, Set<string>> = {};
  for (const { kind, metadata, roleRef, subjects } of bindings) {
    if (subjects[0]!.name !== `footfall-${who}`) continue;
    assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name: `footfall-${who}`, namespace: NAMESPACE }]);
    assert.equal(`${roleRef.kind}Binding`, kind);
    const role = rendered.objects.find(
      (object) =>
        object.kind === roleRef.kind && object.metadata?.name === roleRef.name && object.metadata.namespace === metadata?.namespace,
    );
    const place = (places[metadata?.namespace ?? '*'] ??= new Set());
    for (const verb of (role!['rules'] as Rule[]).flatMap(verbsOf)) place.add(verb);
  }
  return Object.fromEntries(Object.entries(places).map(([place, verbs]) => [place, [...verbs].toSorted()]));
}

function verbsOf({ apiGroups, resources, resourceNames, verbs }: Rule): string[] {
  const names = resourceNames ?? [undefined];
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) => names.flatMap((name) => verbs.map((verb) => describe({ group, resource, name, verb })))),
  );
}

function describe({ group, resource, name, verb }: { group: string; resource: string; name: string | undefined; verb: string }): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
}
