/** The chart's roles allow exactly what rights.ts has a reason for. */
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

test('across the cluster, the roles have exactly the verbs of the table', { skip }, () => {
  const rendered = render();
  assert.deepEqual(granted(rendered, 'operator'), {
    '*': expected('operator', 'streams'),
    [NAMESPACE]: expected('operator', 'own', 'own-certificate'),
  });
  assert.deepEqual(granted(rendered, 'counter'), { '*': expected('counter', 'streams', 'cluster') });
});

test(
  'with watchNamespaces, the roles of these namespaces have the verbs for streams, and those of the own one the verbs for the pool',
  { skip },
  () => {
    const rendered = render({ values: 'namespaced' });
    const operator = expected('operator', 'streams');
    assert.deepEqual(granted(rendered, 'operator'), {
      'store-12': operator,
      'store-13': operator,
      [NAMESPACE]: expected('operator', 'own', 'own-namespaced', 'own-certificate'),
    });
    const counter = expected('counter', 'streams');
    assert.deepEqual(granted(rendered, 'counter'), { '*': expected('counter', 'cluster'), 'store-12': counter, 'store-13': counter });
  },
);

test("the release's namespace may be one of watchNamespaces", { skip }, () => {
  const rendered = render({ set: [`watchNamespaces={${NAMESPACE}}`] });
  assert.deepEqual(
    granted(rendered, 'operator')[NAMESPACE],
    [...new Set([...expected('operator', 'own', 'own-namespaced', 'own-certificate'), ...expected('operator', 'streams')])].toSorted(),
  );
});

for (const issuer of ['tls.secretName=ours', 'tls.certManager.issuerName=ours']) {
  test(`with ${issuer} the operator may read no Secret`, { skip }, () => {
    const rendered = render({ set: [issuer] });
    assert.deepEqual(granted(rendered, 'operator')[NAMESPACE], expected('operator', 'own'));
    assert.deepEqual(
      rendered.objects.filter(({ kind }) => kind === 'Secret'),
      [],
    );
  });
}

test('accounts are mounted only into pods that say so', { skip }, () => {
  for (const name of ['footfall-operator', 'footfall-counter'])
    assert.equal(find(render(), 'ServiceAccount', name)['automountServiceAccountToken'], false);
});

function expected(who: Right['who'], ...places: readonly Where[]): string[] {
  const of = rights.filter((right) => right.who === who && places.includes(right.where));
  return of
    .flatMap(({ group, resource, name, verbs }) => Object.keys(verbs).map((verb) => rightOf({ group, resource, name, verb })))
    .toSorted();
}

/** The account's rights through all its bindings, by namespace; `*` is the cluster. */
function granted(rendered: Rendered, who: Right['who']): Record<string, string[]> {
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
    resources.flatMap((resource) => names.flatMap((name) => verbs.map((verb) => rightOf({ group, resource, name, verb })))),
  );
}

function rightOf({ group, resource, name, verb }: { group: string; resource: string; name: string | undefined; verb: string }): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
}
