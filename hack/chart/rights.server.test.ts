/**
 * The chart on a real API server: it accepts every object, and the operator and a counter do all of their work with the
 * tokens of their own accounts, without a refused call.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type KubernetesObject, type Resource, resources, type V1ConfigMap, type V1Deployment, type V1Secret } from '#crds/cluster/api.ts';
import { connect } from '#crds/cluster/client.ts';
import { COUNTER_AUDIENCE } from '#crds/identity.ts';
import { type CameraStream, conditionTypes } from '#crds/schema.ts';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { Cluster } from '../../counter-service/src/cluster.ts';
import { streamMetrics } from '../../counter-service/src/metrics.ts';
import { type OperatorConfig, readOperatorConfig } from '../../operator/src/config.ts';
import { desiredAgent } from '../../operator/src/streams/desired.ts';
import { streamOf } from '../../operator/src/fixtures/objects.ts';
import { runOperator } from '../../operator/src/operator.ts';
import { desiredPool } from '../../operator/src/pool/desired.ts';
import { until } from '../machine/until.ts';
import { ControlPlane, withoutControlPlane } from '../machine/control-plane.ts';
import { freePort } from '../machine/free-port.ts';
import { find, type Manifest, NAMESPACE, type Rendered, type RenderOptions, render, withoutHelm } from './helm.ts';
import { type Right, rights, type Where } from './rights.ts';

const skip = withoutHelm() || withoutControlPlane();
/** The paths of Kubernetes' own kinds. */
const plurals: Readonly<Record<string, string>> = {
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  ConfigMap: 'configmaps',
  CustomResourceDefinition: 'customresourcedefinitions',
  Deployment: 'deployments',
  Namespace: 'namespaces',
  NetworkPolicy: 'networkpolicies',
  Pod: 'pods',
  PodDisruptionBudget: 'poddisruptionbudgets',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  Secret: 'secrets',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
};
const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };
const log = createLog('test', 'silent');
const folder = mkdtempSync(join(tmpdir(), 'footfall-chart-'));
let plane: ControlPlane;

before(async () => {
  if (skip === false) plane = await ControlPlane.start();
});

after(async () => {
  await plane?.stop();
  rmSync(folder, { recursive: true });
});

for (const values of ['default', 'gpu', 'namespaced', 'monitoring', 'cert-manager', 'full']) {
  test(`the API server accepts every object with ${values} values`, { skip }, async () => {
    await install({ values });
  });
}

test('all pods pass Pod Security restricted: those of the operator, of counters and of agents', { skip }, async () => {
  const rendered = await install({});
  const config = configOf(rendered);
  const stream = streamOf({ source: { url: 'rtsp://10.0.0.8/stream2', credentialsSecretRef: { name: 'door-camera' } } });
  const pods = [
    (find(rendered, 'Deployment', 'footfall-operator') as V1Deployment).spec!.template,
    desiredPool(1, config, undefined).deployment.spec!.template,
    desiredAgent({ ...stream, metadata: { ...stream.metadata, uid: 'uid-1' } }, config).deployment.spec!.template,
  ];
  for (const [index, { spec }] of pods.entries()) await makePod(`restricted-${index}`, spec);
  const { securityContext: _, ...lax } = pods[0]!.spec!;
  await assert.rejects(makePod('lax', lax), /violates PodSecurity "restricted/);
});

test('the operator has all rights that it needs across the cluster', { skip }, () => operates('shop', {}));

test('the operator has all rights that it needs in the namespaces that it watches', { skip }, () =>
  operates('store-12', { values: 'namespaced' }),
);

test('a counter has all rights that it needs across the cluster', { skip }, () => counts('mall', {}));

test('a counter has all rights that it needs in the namespaces that it watches', { skip }, () =>
  counts('store-13', { values: 'namespaced' }),
);

test('accounts have the rights of the table, and none by which they could gain more', { skip }, async () => {
  await removeOthers(await install({ values: 'namespaced' }));
  for (const right of rights) {
    for (const verb of Object.keys(right.verbs))
      assert.ok(await isAllowed(right, verb, placeOf(right.where)), `${right.who}: ${verb} ${right.resource} ${right.where}`);
  }
  for (const who of ['operator', 'counter'] as const) {
    for (const [group, resource, verb] of [
      ['', 'secrets', 'get'],
      ['', 'secrets', 'list'],
      ['', 'pods/exec', 'create'],
      ['', 'serviceaccounts/token', 'create'],
      ['', 'pods', 'create'],
      ['rbac.authorization.k8s.io', 'roles', 'escalate'],
      ['rbac.authorization.k8s.io', 'rolebindings', 'create'],
      ['footfall.dev', 'camerastreams', 'create'],
      ['footfall.dev', 'camerastreams', 'patch'],
      ['footfall.dev', 'camerastreams', 'delete'],
    ] as const) {
      assert.equal(await isAllowed({ who, group, resource }, verb, 'store-12'), false, `${who}: ${verb} ${resource}`);
    }
    assert.equal(await isAllowed({ who, group: 'footfall.dev', resource: 'camerastreams' }, 'list', 'elsewhere'), false);
  }
});

/** Runs the operator with the chart's configuration and its account's token, from a new stream to one that becomes invalid. */
async function operates(namespace: string, options: RenderOptions): Promise<void> {
  const rendered = await install(options);
  await removeOthers(rendered);
  await makeNamespace(namespace);
  const port = await freePort();
  const stop = new AbortController();
  const config = { ...configOf(rendered), kubeconfig: await kubeconfigOf('footfall-operator'), http: { host: '127.0.0.1', port } };
  const running = runOperator(config, log, stop.signal);
  try {
    const stream = await makeStream(namespace);
    const made = { namespace, name: `${stream.metadata.name}-agent` };
    await until(
      async () =>
        (await plane.api.get<CameraStream>(resources.cameraStreams, stream.metadata)).status?.conditions?.length === conditionTypes.length,
    );
    await plane.api.get(resources.serviceAccounts, made);
    await plane.api.get(resources.deployments, made);
    const trusted = async () => (await plane.api.get<V1ConfigMap>(resources.configMaps, made)).data?.['ca.crt'];
    await until(() =>
      trusted().then(
        (text) => text !== undefined,
        () => false,
      ),
    );
    const certificate = async () =>
      (await plane.api.get<V1Secret>(resources.secrets, { namespace: NAMESPACE, name: 'footfall-counter-tls' })).data;
    const filled = await certificate();
    assert.equal(Buffer.from(filled!['ca.crt']!, 'base64').toString(), await trusted());
    await install(options);
    assert.deepEqual(await certificate(), filled, 'an upgrade does not change it');
    await until(async () => (await plane.api.list(resources.events, { namespace: NAMESPACE })).items.length > 0);
    await until(() => there(resources.services, 'footfall-counter'));
    await until(() => there(resources.deployments, 'footfall-counter'));
    assert.equal(
      (await plane.api.get<V1Deployment>(resources.deployments, { namespace: NAMESPACE, name: 'footfall-counter' })).metadata!
        .ownerReferences![0]!.name,
      'footfall-operator',
    );
    await until(async () => (await plane.api.list(resources.events, { namespace })).items.length > 0);
    await plane.api.merge(resources.cameraStreams, stream.metadata, { spec: { source: { url: 'hall.mp4' } } });
    await until(() =>
      plane.api.get(resources.deployments, made).then(
        () => false,
        () => true,
      ),
    );
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const answers = page.match(/^rest_client_requests_total\{.*/gm) ?? [];
    assert.ok(answers.some((answer) => answer.includes('code="201"')));
    assert.deepEqual(
      answers.filter((answer) => /code="40[13]"/.test(answer)),
      [],
    );
  } finally {
    stop.abort();
    await running;
  }
}

/** Uses a counter's ledger, specs and identities with its account's token. */
async function counts(namespace: string, options: RenderOptions): Promise<void> {
  await removeOthers(await install(options));
  await makeNamespace(namespace);
  const { metadata } = await makeStream(namespace);
  const stream = { namespace, name: metadata.name, uid: metadata.uid! };
  const api = connect({ kubeconfig: await kubeconfigOf('footfall-counter'), userAgent: 'footfall-counter' });
  const cluster = new Cluster(
    api,
    { counter: 'counter-1', ...(options.values === 'namespaced' && { namespaces: [namespace] }) },
    streamMetrics(createMetrics()),
    log,
  );
  const signal = AbortSignal.timeout(20_000);
  try {
    const { reviews } = cluster.identities;
    assert.equal(await reviews.userOf(reviews.read(await agentsToken(namespace)), signal, 5), `system:serviceaccount:${namespace}:default`);
    await cluster.reach(signal);
    assert.equal(cluster.unready(), undefined);
    const followed = await cluster.specs.follow(stream, signal);
    try {
      await plane.api.merge(resources.cameraStreams, stream, { spec: { suspend: true } });
      while (!followed.current().spec.suspend) await followed.changed.wait(signal);
    } finally {
      await followed.close();
    }
    const writer = await cluster.ledger.claim(stream, await cluster.ledger.read(stream), 'session-1');
    assert.equal((await plane.api.get<CameraStream>(resources.cameraStreams, stream)).status?.counts?.term, writer.term);
  } finally {
    await cluster.close();
  }
}

async function install(options: RenderOptions): Promise<Rendered> {
  const rendered = render(options);
  for (const namespace of new Set(rendered.objects.flatMap(({ metadata }) => metadata?.namespace ?? []))) await makeNamespace(namespace);
  for (const object of rendered.objects) {
    const resource = resourceOf(object);
    if (resource === undefined) continue;
    // The pod of `helm test` is immutable: Helm, too, creates it again.
    if (object.kind === 'Pod') await plane.api.delete(resource, object.metadata!).catch(() => undefined);
    // The server refuses unknown fields.
    await plane.api.apply(resource, object, { fieldManager: 'helm' });
  }
  return rendered;
}

/** Deletes the roles of earlier installations, which may have more rights. */
async function removeOthers({ objects }: Rendered): Promise<void> {
  const { items } = await plane.api.list<KubernetesObject>(kindOf('ClusterRole'), { labelSelector: 'app.kubernetes.io/name=footfall' });
  const own = objects.flatMap(({ kind, metadata }) => (kind === 'ClusterRole' ? [metadata?.name] : []));
  for (const { metadata } of items)
    if (!own.includes(metadata?.name)) await plane.api.delete(kindOf('ClusterRole'), { name: metadata?.name });
}

function kindOf(kind: 'ClusterRole' | 'Namespace'): Resource {
  return { apiVersion: kind === 'Namespace' ? 'v1' : 'rbac.authorization.k8s.io/v1', kind, plural: plurals[kind]! };
}

function resourceOf({ apiVersion = '', kind }: Manifest): Resource | undefined {
  if (/^(monitoring\.coreos\.com|cert-manager\.io)\//.test(apiVersion)) return undefined;
  const plural = plurals[kind];
  assert.ok(plural !== undefined, kind);
  return { apiVersion, kind, plural };
}

async function makeNamespace(name: string): Promise<void> {
  await plane.api.apply(
    kindOf('Namespace'),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: RESTRICTED } },
    { fieldManager: 'test' },
  );
}

async function makeStream(namespace: string): Promise<CameraStream> {
  const { metadata: _, ...door } = streamOf();
  return plane.api.create<CameraStream>(resources.cameraStreams, { ...door, metadata: { name: 'door', namespace } });
}

function makePod(name: string, spec: unknown): Promise<KubernetesObject> {
  return plane.api.create<KubernetesObject & { spec: unknown }>(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: NAMESPACE, name },
    spec,
  });
}

function there(resource: Resource, name: string): Promise<boolean> {
  return plane.api.get(resource, { namespace: NAMESPACE, name }).then(
    () => true,
    () => false,
  );
}

async function agentsToken(namespace: string): Promise<string> {
  // No controller creates a namespace's default account here.
  await plane.api.apply(
    resources.serviceAccounts,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'default' } },
    { fieldManager: 'test' },
  );
  return tokenOf(namespace, 'default', [COUNTER_AUDIENCE]);
}

async function tokenOf(namespace: string, account: string, audiences?: readonly string[]): Promise<string> {
  const tokens = { apiVersion: 'v1', kind: 'TokenRequest', plural: `serviceaccounts/${account}/token` };
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { namespace },
    spec: { expirationSeconds: 3600, ...(audiences && { audiences }) },
  };
  return (await plane.api.create<KubernetesObject & { status?: { token: string } }>(tokens, request)).status!.token;
}

async function kubeconfigOf(account: string): Promise<string> {
  const token = await tokenOf(NAMESPACE, account);
  const path = join(folder, `${account}.json`);
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: plane.url, 'certificate-authority': plane.certificate } }],
      users: [{ name: account, user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: account } }],
      'current-context': 'test',
    }),
    { mode: 0o600 },
  );
  return path;
}

function configOf(rendered: Rendered): OperatorConfig {
  const { env = [] } = (find(rendered, 'Deployment', 'footfall-operator') as V1Deployment).spec!.template.spec!.containers[0]!;
  return readOperatorConfig(Object.fromEntries(env.map(({ name, value }) => [name, value?.replaceAll('$(POD_NAME)', 'operator-1')])));
}

function placeOf(where: Where): string {
  return where === 'streams' ? 'store-12' : NAMESPACE;
}

async function isAllowed(
  { who, group, resource, name }: Pick<Right, 'who' | 'group' | 'resource' | 'name'>,
  verb: string,
  namespace: string,
): Promise<boolean> {
  const reviews = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', plural: 'subjectaccessreviews' };
  const [plural, subresource] = resource.split('/');
  const review = {
    apiVersion: reviews.apiVersion,
    kind: reviews.kind,
    spec: {
      user: `system:serviceaccount:${NAMESPACE}:footfall-${who}`,
      resourceAttributes: { group, resource: plural, subresource, name, verb, namespace },
    },
  };
  const { status } = await plane.api.create<KubernetesObject & { status?: { allowed: boolean } }>(reviews, review);
  return status!.allowed;
}
