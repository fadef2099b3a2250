import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { customResourceDefinition } from '#crds/crd.ts';
import type { V1Deployment } from '#crds/cluster/api.ts';
import { parseDocuments } from '#crds/documents.ts';
import { CameraStreamSpec } from '#crds/schema.ts';
import { type OperatorConfig, readOperatorConfig } from '../../operator/src/config.ts';
import { find, lint, notes, type Rendered, render, withoutDefinition, withoutHelm, withoutNotes } from './helm.ts';

const skip = withoutHelm();
const UPDATE = 'FOOTFALL_UPDATE_GOLDEN';
const CASES = ['default', 'gpu', 'namespaced', 'monitoring', 'full'];
const OF_CLUSTER = new Set(['ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition']);

for (const values of CASES) {
  test(`helm finds nothing to complain of with ${values} values`, { skip }, () => {
    assert.match(lint({ values }), /0 chart\(s\) failed/);
  });

  test(`what is rendered with ${values} values is what was agreed to`, { skip }, () => {
    const file = new URL(`golden/${values}.yaml`, import.meta.url);
    const text = withoutDefinition(render({ values }).text);
    if (process.env[UPDATE] !== undefined) writeFileSync(file, text);
    const agreed = existsSync(file) ? readFileSync(file, 'utf8') : '';
    assert.equal(text, agreed, `hack/chart/golden/${values}.yaml differs. If it is to: ${UPDATE}=1 node --test hack/chart/chart.test.ts`);
  });

  test(`the operator can read what it is told with ${values} values`, { skip }, () => {
    assert.equal(configOf(render({ values })).identity, 'a-pod');
  });
}

test('the operator is told every knob of the full values', { skip }, () => {
  const tag = 'registry.example:5000/footfall';
  assert.deepEqual(configOf(render({ values: 'full' })), {
    namespace: 'footfall-system',
    watchNamespaces: ['store-12'],
    identity: 'a-pod',
    deployment: 'people-operator',
    leaderElection: true,
    presence: { host: '0.0.0.0', port: 8080 },
    workers: 16,
    logLevel: 'debug',
    cameraNetworks: { allowed: ['10.20.0.0/16', '*.cameras.example'], cluster: ['10.244.0.0/16', 'fd00:10:96::/112'] },
    agent: {
      image: `${tag}/edge-agent@sha256:${'0123456789abcdef'.repeat(4)}`,
      imagePullPolicy: 'IfNotPresent',
      imagePullSecrets: ['registry'],
      priorityClassName: 'edge',
      resources: { requests: { cpu: '100m' }, limits: { cpu: '1', memory: '1Gi' } },
      logLevel: 'warn',
    },
    counter: {
      image: `${tag}/counter-service:1.2.3`,
      imagePullPolicy: 'Never',
      imagePullSecrets: ['registry', 'other'],
      priorityClassName: 'counting',
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

test('what is left empty is the operator\'s to choose, and a CPU needs no GPU', { skip }, () => {
  const { agent, counter } = configOf(render());
  assert.deepEqual([agent.resources, counter.resources, counter.gpu], [undefined, undefined, undefined]);
});

test('the definition is that of the schema, and outlives the release unless it must not', { skip }, () => {
  const name = 'camerastreams.footfall.dev';
  const { metadata, ...definition } = find(render(), 'CustomResourceDefinition', name);
  const { metadata: named, ...generated } = customResourceDefinition();
  assert.deepEqual([definition, metadata?.name], [generated, named.name]);
  assert.equal(metadata?.annotations?.['helm.sh/resource-policy'], 'keep');
  assert.equal(find(render({ set: ['crds.keep=false'] }), 'CustomResourceDefinition', name).metadata?.annotations, undefined);
  assert.deepEqual(kindsOf(render({ set: ['crds.enabled=false'] })).filter((kind) => kind === 'CustomResourceDefinition'), []);
});

test('with watchNamespaces nothing of the cluster is asked for', { skip }, () => {
  assert.deepEqual(kindsOf(render({ values: 'namespaced' })).filter((kind) => OF_CLUSTER.has(kind)), []);
});

test('a single operator has no disruption budget: it could never be moved', { skip }, () => {
  assert.ok(kindsOf(render()).includes('PodDisruptionBudget'));
  assert.ok(!kindsOf(render({ set: ['operator.replicas=1'] })).includes('PodDisruptionBudget'));
});

test('the operator\'s pods keep the labels by which they are found, whatever labels are added', { skip }, () => {
  const { selector, template } = (find(render({ values: 'full' }), 'Deployment', 'people-operator') as V1Deployment).spec!;
  assert.deepEqual(template.metadata!.labels, { ...selector.matchLabels, team: 'facilities' });
});

test('a release of another name says whose it is', { skip }, () => {
  assert.equal(find(render({ release: 'shop' }), 'Deployment', 'shop-footfall-operator').metadata?.namespace, 'footfall-system');
  const long = render({ release: 'a'.repeat(53) });
  for (const { metadata } of long.objects) assert.ok(metadata!.name!.length <= 63, metadata!.name);
});

test('the commands that a user is given next fit the release, and the CameraStream among them is a good one', { skip: withoutNotes() }, () => {
  const text = notes({ values: 'namespaced' });
  for (const command of ['rollout status --namespace footfall-system deployment/footfall-operator', 'apply --namespace store-12']) assert.ok(text.includes(command), text);
  const [, stream] = /<<END\n([^]*?)\n {2}END/.exec(text)!;
  const { value } = parseDocuments(stream!.replaceAll(/^ {2}/gm, ''))[0]!;
  assert.equal(CameraStreamSpec.parse((value as { spec: unknown }).spec).site, 'store-12');
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
  ['counter.minimum=5', /counter\.minimum \(5\) must not be above counter\.maximum \(4\)\./],
] as const) {
  test(`${assignment} is refused with the value's name`, { skip }, () => {
    assert.throws(() => render({ set: [assignment] }), ({ message }: Error) => sentence.test(message.replaceAll('\'', '')) || assert.fail(message));
  });
}

/** As the operator reads it in a pod of name `a-pod`. */
function configOf(rendered: Rendered): OperatorConfig {
  const { spec } = rendered.objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata?.name?.endsWith('-operator')) as V1Deployment;
  const { env = [] } = spec!.template.spec!.containers[0]!;
  return readOperatorConfig(Object.fromEntries(env.map(({ name, value }) => [name, value?.replaceAll('$(POD_NAME)', 'a-pod')])));
}

function kindsOf({ objects }: Rendered): string[] {
  return objects.map(({ kind }) => kind);
}
