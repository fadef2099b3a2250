import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { customResourceDefinition } from '#crds/crd.ts';
import type { V1Deployment } from '#crds/cluster/api.ts';
import { parseDocuments } from '#crds/documents.ts';
import { CameraStreamSpec } from '#crds/schema.ts';
import { type OperatorConfig, readOperatorConfig } from '../../operator/src/config.ts';
import { find, lint, type Manifest, notes, type Rendered, render, withoutDefinition, withoutHelm, withoutNotes } from './helm.ts';

const skip = withoutHelm();
const UPDATE = 'FOOTFALL_UPDATE_GOLDEN';
const CASES = ['default', 'gpu', 'namespaced', 'monitoring', 'cert-manager', 'full'];
const OF_CLUSTER = new Set(['ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition']);

for (const values of CASES) {
  test(`helm lint passes with ${values} values`, { skip }, () => {
    assert.match(lint({ values }), /0 chart\(s\) failed/);
  });

  test(`the chart renders the golden file with ${values} values`, { skip }, () => {
    const file = new URL(`golden/${values}.yaml`, import.meta.url);
    const text = withoutDefinition(render({ values }).text);
    if (process.env[UPDATE] !== undefined) writeFileSync(file, text);
    const golden = existsSync(file) ? readFileSync(file, 'utf8') : '';
    assert.equal(text, golden, `hack/chart/golden/${values}.yaml differs. To accept it: ${UPDATE}=1 node --test hack/chart/chart.test.ts`);
  });

  test(`the operator reads its configuration with ${values} values`, { skip }, () => {
    assert.equal(configOf(render({ values })).identity, 'a-pod');
  });
}

test('the operator gets every setting of the full values', { skip }, () => {
  const tag = 'registry.example:5000/footfall';
  assert.deepEqual(configOf(render({ values: 'full' })), {
    namespace: 'footfall-system',
    watchNamespaces: ['store-12'],
    identity: 'a-pod',
    deployment: 'people-operator',
    leaderElection: true,
    http: { host: '0.0.0.0', port: 8080 },
    workers: 16,
    logLevel: 'debug',
    tls: { secretName: 'footfall-counter-tls', certificateSeconds: 3600, authoritySeconds: 36_000, overlapSeconds: 600 },
    cameraNetworks: { allowed: ['10.20.0.0/16', '*.cameras.example'], cluster: ['10.244.0.0/16', 'fd00:10:96::/112'] },
    agent: {
      image: `${tag}/edge-agent@sha256:${'0123456789abcdef'.repeat(4)}`,
      imagePullPolicy: 'IfNotPresent',
      imagePullSecrets: ['registry'],
      nodeSelector: { 'kubernetes.io/arch': 'arm64' },
      tolerations: [{ key: 'edge', operator: 'Exists' }],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'camera-network', operator: 'Exists' }] }],
          },
        },
      },
      priorityClassName: 'edge',
      runtimeClassName: 'kata',
      podAnnotations: { 'example.com/owner': 'shops' },
      podLabels: { team: 'shops' },
      extraEnv: [{ name: 'TZ', value: 'Europe/Berlin' }],
      resources: { requests: { cpu: '100m' }, limits: { cpu: '1', memory: '1Gi' } },
      logLevel: 'warn',
    },
    counter: {
      image: `${tag}/counter-service:1.2.3`,
      imagePullPolicy: 'Never',
      imagePullSecrets: ['registry', 'other'],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { 'app.kubernetes.io/component': 'counter' } } },
          ],
        },
      },
      priorityClassName: 'counting',
      runtimeClassName: 'gvisor',
      podAnnotations: { 'example.com/owner': 'facilities' },
      podLabels: { team: 'facilities' },
      extraEnv: [{ name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } }],
      resources: { requests: { cpu: '1.5', memory: '2Gi' }, limits: { memory: '8Gi' } },
      logLevel: 'error',
      serviceAccountName: 'people-counter',
      provider: 'tensorrt',
      workers: 2,
      maxBatch: 8,
      gpu: { resource: 'nvidia.com/mig-1g.10gb', count: 2, runtimeClassName: 'nvidia' },
      streamsPerCounter: 100,
      minimum: 3,
      maximum: 6,
      nodeSelector: { pool: 'gpu' },
      tolerations: [{ key: 'gpu', operator: 'Equal', value: 'true', effect: 'NoExecute', tolerationSeconds: 60 }],
    },
  } satisfies OperatorConfig);
});

test('the operator chooses what is left empty, and a CPU needs no GPU', { skip }, () => {
  const { agent, counter } = configOf(render());
  assert.deepEqual([agent.resources, counter.resources, counter.gpu], [undefined, undefined, undefined]);
});

test('variables in the environment of agents and counters are expanded in their own pods', { skip }, () => {
  const value = '$(POD_NAME) $$(POD_NAME) $$$ $1';
  const set = ['agent', 'counter'].flatMap((pods) => [`${pods}.extraEnv[0].name=WHERE`, `${pods}.extraEnv[0].value=${value}`]);
  const { identity, agent, counter } = configOf(render({ set }));
  assert.deepEqual([identity, agent.extraEnv, counter.extraEnv], ['a-pod', [{ name: 'WHERE', value }], [{ name: 'WHERE', value }]]);
});

test('the definition is that of the schema, and outlives the release unless it must not', { skip }, () => {
  const name = 'camerastreams.footfall.dev';
  const { metadata, ...definition } = find(render(), 'CustomResourceDefinition', name);
  const { metadata: named, ...generated } = customResourceDefinition();
  assert.deepEqual([definition, metadata?.name], [generated, named.name]);
  assert.equal(metadata?.annotations?.['helm.sh/resource-policy'], 'keep');
  assert.equal(find(render({ set: ['crds.keep=false'] }), 'CustomResourceDefinition', name).metadata?.annotations, undefined);
  assert.deepEqual(
    kindsOf(render({ set: ['crds.enabled=false'] })).filter((kind) => kind === 'CustomResourceDefinition'),
    [],
  );
});

test('with watchNamespaces the chart has no cluster-wide object but the right to review tokens', { skip }, () => {
  const { objects } = render({ values: 'namespaced' });
  const name = 'footfall-system-footfall-counter-identities';
  assert.deepEqual(
    objects.filter(({ kind }) => OF_CLUSTER.has(kind)).map(({ kind, metadata }) => [kind, metadata?.name]),
    [
      ['ClusterRole', name],
      ['ClusterRoleBinding', name],
    ],
  );
});

test("the certificate's Secrets are empty, so that no upgrade overwrites them, and are kept after the release", { skip }, () => {
  for (const name of ['footfall-counter-tls', 'footfall-counter-authority']) {
    const { metadata, data, stringData } = find(render(), 'Secret', name);
    assert.deepEqual([metadata?.annotations, data, stringData], [{ 'helm.sh/resource-policy': 'keep' }, undefined, undefined]);
  }
});

test('counters mount a certificate that the operator does not make; the operator mounts only its authority', { skip }, () => {
  for (const [set, secretName] of [
    ['tls.secretName=ours', 'ours'],
    ['tls.certManager.issuerName=facilities', 'footfall-counter-issued'],
  ] as const) {
    const rendered = render({ set: [set] });
    assert.deepEqual(configOf(rendered).tls.authoritiesFile, '/var/run/footfall/authorities/ca.crt');
    assert.equal(configOf(rendered).tls.secretName, secretName);
    const { volumes } = (find(rendered, 'Deployment', 'footfall-operator') as V1Deployment).spec!.template.spec!;
    assert.deepEqual(
      volumes!.map(({ secret }) => [secret!.secretName, secret!.items]),
      [[secretName, [{ key: 'ca.crt', path: 'ca.crt' }]]],
    );
  }
});

test("the chart asks cert-manager for a certificate with the counters' name", { skip }, () => {
  const { spec } = find(
    render({ set: ['tls.certManager.issuerName=facilities', 'tls.certManager.issuerKind=ClusterIssuer'] }),
    'Certificate',
    'footfall-counter-issued',
  ) as Manifest & { spec: Record<string, unknown> };
  assert.deepEqual(
    [spec['issuerRef'], spec['dnsNames'], spec['duration']],
    [{ name: 'facilities', kind: 'ClusterIssuer', group: 'cert-manager.io' }, ['footfall-counter.footfall-system.svc'], '7776000s'],
  );
});

test('a single operator or counter has no disruption budget, which would block every drain', { skip }, () => {
  const budgets = (...set: string[]) =>
    render({ set })
      .objects.filter(({ kind }) => kind === 'PodDisruptionBudget')
      .map(({ metadata }) => metadata!.name);
  assert.deepEqual(budgets(), ['footfall-operator', 'footfall-counter']);
  assert.deepEqual(budgets('operator.replicas=1'), ['footfall-counter']);
  assert.deepEqual(budgets('counter.maximum=1'), ['footfall-operator']);
});

test("the operator's pods keep the labels by which they are found, whatever labels are added", { skip }, () => {
  const { selector, template } = (find(render({ values: 'full' }), 'Deployment', 'people-operator') as V1Deployment).spec!;
  assert.deepEqual(template.metadata!.labels, { ...selector.matchLabels, team: 'facilities' });
});

test('object names contain the name of the release', { skip }, () => {
  assert.equal(find(render({ release: 'shop' }), 'Deployment', 'shop-footfall-operator').metadata?.namespace, 'footfall-system');
  const long = render({ release: 'a'.repeat(53) });
  // Names of roles are no DNS labels, and may be longer.
  for (const { metadata } of long.objects.filter(({ kind }) => !kind.startsWith('ClusterRole')))
    assert.ok(metadata!.name!.length <= 63, metadata!.name);
});

test('the commands in the notes fit the release, and their CameraStream is valid', { skip: withoutNotes() }, () => {
  const text = notes({ values: 'namespaced' });
  for (const command of ['rollout status --namespace footfall-system deployment/footfall-operator', 'apply --namespace store-12'])
    assert.ok(text.includes(command), text);
  const [, stream] = /<<END\n([^]*?)\n {2}END/.exec(text)!;
  const { value } = parseDocuments(stream!.replaceAll(/^ {2}/gm, ''))[0]!;
  assert.equal(CameraStreamSpec.parse((value as { spec: unknown }).spec).site, 'store-12');
});

test('the notes explain the risk when cameraNetworks and clusterNetworks are empty', { skip: withoutNotes() }, () => {
  const warning = /cameraNetworks and clusterNetworks are empty: .* Set cameraNetworks/;
  assert.match(notes(), warning);
  for (const set of ['cameraNetworks={10.20.0.0/16}', 'clusterNetworks={10.244.0.0/16}'])
    assert.doesNotMatch(notes({ set: [set] }), warning);
});

for (const [assignment, sentence] of [
  ['operator.replicas=0', /operator[/.]replicas.*(want 1|greater than or equal to 1)/],
  ['counter.streamsPerConter=3', /streamsPerConter.*not allowed/],
  ['counter.provider=gpu', /counter[/.]provider.*one of/],
  ['counter.resources.limits.memory=4GB', /counter[/.]resources[/.]limits[/.]memory.*match/],
  ['agent.image.digest=sha256:abc', /agent[/.]image[/.]digest.*match/],
  ['watchNamespaces={Store}', /watchNamespaces[/.]0.*match/],
  ['counter.tolerations[0].effect=Never', /counter[/.]tolerations[/.]0[/.]effect.*one of/],
  ['operator.extraEnv[0].name=FOOTFALL_OPERATOR', /operator[/.]extraEnv[/.]0[/.]name/],
  ['networkPolicy.apiServer.networks={somewhere}', /networkPolicy[/.]apiServer[/.]networks[/.]0.*match/],
  ['tls.certificateSeconds=1', /tls[/.]certificateSeconds.*(want 3|greater than or equal to 3|minimum)/],
  ['tls.overlapSeconds=105120000', /tls\.overlapSeconds \(105120000\) must be below a third of tls\.authoritySeconds \(315360000\)/],
  ['counter.minimum=5', /counter\.minimum \(5\) must not be above counter\.maximum \(4\)\./],
] as const) {
  test(`helm rejects ${assignment} with the value's name`, { skip }, () => {
    assert.throws(
      () => render({ set: [assignment] }),
      ({ message }: Error) => sentence.test(message.replaceAll("'", '')) || assert.fail(message),
    );
  });
}

/** The configuration that the operator reads in a pod named `a-pod`. */
function configOf(rendered: Rendered): OperatorConfig {
  const { spec } = rendered.objects.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata?.name?.endsWith('-operator'),
  ) as V1Deployment;
  const { env = [] } = spec!.template.spec!.containers[0]!;
  return readOperatorConfig(Object.fromEntries(env.map(({ name, value }) => [name, value && expand(value, { POD_NAME: 'a-pod' })])));
}

/** As the kubelet does: `$$` is an escape, and an unknown variable stays. */
function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (found, name?: string) => (name === undefined ? '$' : (variables[name] ?? found)));
}

function kindsOf({ objects }: Rendered): string[] {
  return objects.map(({ kind }) => kind);
}
