/** What the chart's roles allow is what rights.ts gives a reason for: no verb more, none less, and nowhere else. */
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

test('across the cluster, each verb is the one that the table gives a reason for', { skip }, () => {
  const rendered = render();
  assert.deepEqual(granted(rendered, 'operator'), {
    '*': reasoned('operator', 'streams'),
    [NAMESPACE]: reasoned('operator', 'own', 'own-certificate'),
  });
  assert.deepEqual(granted(rendered, 'counter'), { '*': reasoned('counter', 'streams', 'cluster') });
});

test('with watchNamespaces, these have what else the whole cluster has, and the own one what the pool needs', { skip }, () => {
  const rendered = render({ values: 'namespaced' });
  const operator = reasoned('operator', 'streams');
  assert.deepEqual(granted(rendered, 'operator'), {
    'store-12': operator,
    'store-13': operator,
    [NAMESPACE]: reasoned('operator', 'own', 'own-namespaced', 'own-certificate'),
  });
  const counter = reasoned('counter', 'streams');
  assert.deepEqual(granted(rendered, 'counter'), { '*': reasoned('counter', 'cluster'), 'store-12': counter, 'store-13': counter });
});

test("the release's namespace may itself be watched", { skip }, () => {
  const rendered = render({ set: [`watchNamespaces={${NAMESPACE}}`] });
  assert.deepEqual(
    granted(rendered, 'operator')[NAMESPACE],
    [...new Set([...reasoned('operator', 'own', 'own-namespaced', 'own-certificate'), ...reasoned('operator', 'streams')])].toSorted(),
  );
});

for (const somebodyElse of ['tls.secretName=ours', 'tls.certManager.issuerName=ours']) {
  test(`with ${somebodyElse} the operator may read no Secret at all`, { skip }, () => {
    const rendered = render({ set: [somebodyElse] });
    assert.deepEqual(granted(rendered, 'operator')[NAMESPACE], reasoned('operator', 'own'));
    assert.deepEqual(
      rendered.objects.filter(({ kind }) => kind === 'Secret'),
      [],
    );
  });
}

test('accounts give out a token only to pods that ask for it', { skip }, () => {
  for (const name of ['footfall-operator', 'footfall-counter'])
    assert.equal(find(render(), 'ServiceAccount', name)['automountServiceAccountToken'], false);
});

function reasoned(who: Right['who'], ...places: readonly Where[]): string[] {
  const of = rights.filter((right) => right.who === who && places.includes(right.where));
  return of
    .flatMap(({ group, resource, name, verbs }) => Object.keys(verbs).map((verb) => said({ group, resource, name, verb })))
    .toSorted();
}

/** By namespace, `*` for the cluster: what the account may do there through all its bindings. */
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
    resources.flatMap((resource) => names.flatMap((name) => verbs.map((verb) => said({ group, resource, name, verb })))),
  );
}

function said({ group, resource, name, verb }: { group: string; resource: string; name: string | undefined; verb: string }): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
}
