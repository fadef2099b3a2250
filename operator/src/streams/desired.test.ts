import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterFault, desiredAgent } from './desired.ts';
import { configOf, streamOf } from '../fixtures/objects.ts';

const config = configOf();
const podOf = (spec: Record<string, unknown> = {}) => desiredAgent(streamOf(spec), config).deployment.spec!.template.spec!;
const agentConfig = (spec: Record<string, unknown> = {}) =>
  JSON.parse(podOf(spec).containers[0]!.env!.find(({ name }) => name === 'FOOTFALL_AGENT')!.value!) as Record<string, unknown>;

test('the agent runs on nodes of its site that match the rest of the spec', () => {
  const pod = podOf({ nodeSelector: { 'kubernetes.io/arch': 'arm64' }, tolerations: [{ key: 'edge', operator: 'Exists' }] });
  const terms = pod.affinity!.nodeAffinity!.requiredDuringSchedulingIgnoredDuringExecution!.nodeSelectorTerms;
  assert.deepEqual(terms, [{ matchExpressions: [{ key: 'footfall.dev/site', operator: 'In', values: ['store-12'] }] }]);
  assert.deepEqual(pod.nodeSelector, { 'kubernetes.io/arch': 'arm64' });
  assert.deepEqual(pod.tolerations, [{ key: 'edge', operator: 'Exists' }]);
});

test('the agent gets the networks of cameras and of the cluster', () => {
  assert.deepEqual(agentConfig()['cameraNetworks'], { allowed: [], cluster: [] });
});

test('the agent accepts any certificate only where the stream asks for it', () => {
  const source = { url: 'https://h/video.mjpg', transport: 'tcp' };
  const sourceOf = (more: object) => agentConfig({ source: { ...source, ...more } })['source'];
  assert.deepEqual(sourceOf({ insecureSkipTLSVerify: true }), { ...source, insecureSkipTLSVerify: true });
  assert.deepEqual(sourceOf({ insecureSkipTLSVerify: false }), source);
});

test('without a site, the agent may run on any node', () => {
  assert.equal(podOf({ site: undefined }).affinity, undefined);
});

test("the administrator's settings for agents are added to the stream's, which take precedence", () => {
  const term = { matchExpressions: [{ key: 'camera-network', operator: 'Exists' }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term, {}] } } };
  const agent = {
    image: 'agent',
    nodeSelector: { zone: 'a', 'kubernetes.io/arch': 'amd64' },
    tolerations: [{ key: 'far', operator: 'Exists' }],
    affinity,
    runtimeClassName: 'kata',
    podLabels: { team: 'shops', 'footfall.dev/stream': 'other' },
    podAnnotations: { owner: 'shops' },
    extraEnv: [{ name: 'TZ', value: 'UTC' }],
  };
  const stream = streamOf({ nodeSelector: { 'kubernetes.io/arch': 'arm64' }, tolerations: [{ key: 'edge', operator: 'Exists' }] });
  const { metadata, spec: pod } = desiredAgent(stream, configOf({ agent })).deployment.spec!.template;
  const site = { key: 'footfall.dev/site', operator: 'In', values: ['store-12'] };
  assert.deepEqual(pod!.affinity!.nodeAffinity!.requiredDuringSchedulingIgnoredDuringExecution!.nodeSelectorTerms, [
    { matchExpressions: [...term.matchExpressions, site] },
    { matchExpressions: [site] },
  ]);
  assert.deepEqual(
    [pod!.nodeSelector, pod!.tolerations?.map(({ key }) => key)],
    [{ zone: 'a', 'kubernetes.io/arch': 'arm64' }, ['far', 'edge']],
  );
  assert.deepEqual([pod!.runtimeClassName, pod!.containers[0]!.env!.at(-1)], ['kata', { name: 'TZ', value: 'UTC' }]);
  assert.deepEqual(
    [metadata!.labels!['team'], metadata!.labels!['footfall.dev/stream'], metadata!.annotations],
    ['shops', 'door', { owner: 'shops' }],
  );
});

test("the agent's objects are owned by the stream, so they are deleted with it", () => {
  const { serviceAccount, configMap, deployment } = desiredAgent(streamOf(), config, 'authorities');
  for (const { metadata } of [serviceAccount, configMap!, deployment]) {
    assert.equal(metadata!.namespace, 'shop');
    assert.equal(metadata!.name, 'door-agent');
    assert.deepEqual(
      metadata!.ownerReferences!.map(({ uid, controller }) => ({ uid, controller })),
      [{ uid: 'uid-1', controller: true }],
    );
  }
  assert.equal(deployment.spec!.strategy!.type, 'Recreate');
});

test('the pod passes Pod Security restricted and has no token for the API server', () => {
  const pod = podOf();
  const container = pod.containers[0]!;
  assert.equal(pod.automountServiceAccountToken, false);
  assert.equal(pod.securityContext!.runAsNonRoot, true);
  assert.equal(pod.securityContext!.seccompProfile!.type, 'RuntimeDefault');
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  const token = pod.volumes!.find(({ name }) => name === 'identity')!.projected!.sources![0]!.serviceAccountToken!;
  assert.equal(token.audience, 'footfall-counter');
});

test('the memory for ring and checkpoints follows from the buffer', () => {
  const { emptyDir } = podOf({ buffer: { seconds: 60, megabytes: 100 } }).volumes!.find(({ name }) => name === 'ring')!;
  assert.deepEqual(emptyDir, { medium: 'Memory', sizeLimit: '108Mi' });
});

test('credentials are mounted from a Secret that may be missing, and appear nowhere else', () => {
  const spec = { source: { url: 'rtsp://10.0.0.8/stream2', credentialsSecretRef: { name: 'door-camera' } } };
  const secret = podOf(spec).volumes!.find(({ name }) => name === 'credentials')!.secret;
  assert.deepEqual(secret, { secretName: 'door-camera', optional: true, defaultMode: 0o440 });
  assert.equal((agentConfig(spec).source as { credentialsDirectory: string }).credentialsDirectory, '/var/run/footfall/credentials');
  assert.equal(
    podOf().volumes!.some(({ name }) => name === 'credentials'),
    false,
  );
});

test('an edit of lines, zones or detection does not change the pod', () => {
  const before = JSON.stringify(desiredAgent(streamOf(), config));
  const line = { name: 'back', from: { x: 1, y: 1 }, to: { x: 900, y: 900 } };
  assert.equal(JSON.stringify(desiredAgent(streamOf({ lines: [line], detection: { framesPerSecond: 5 } }), config)), before);
  assert.notEqual(JSON.stringify(desiredAgent(streamOf({ source: { url: 'rtsp://10.0.0.9/' } }), config)), before);
});

test('a suspended stream keeps its objects and has no pod', () => {
  assert.equal(desiredAgent(streamOf({ suspend: true }), config).deployment.spec!.replicas, 0);
});

test('a file as the source is refused in a cluster, with the name of the field', () => {
  for (const url of ['/clip.mp4', '-', '/dev/video0', 'https://videos.example/clip.mp4'])
    assert.match(clusterFault(streamOf({ source: { url } }))!, /^spec\.source\.url: must begin with rtsp.* are for local mode\.$/, url);
  for (const url of ['rtmp://h/live/door', 'https://h/video.mjpg', 'http://h/index.m3u8'])
    assert.equal(clusterFault(streamOf({ source: { url } })), undefined, url);
  assert.equal(clusterFault(streamOf()), undefined);
});

test("the agent gets its stream, its ring and the pool's host name", () => {
  assert.deepEqual(agentConfig().stream, { namespace: 'shop', name: 'door', uid: 'uid-1' });
  assert.deepEqual(agentConfig().ring, { directory: '/var/run/footfall/ring' });
  assert.deepEqual(agentConfig().counters, ['footfall-counter.footfall-system.svc:7443']);
});

test("a camera's URL reaches the agent unchanged, although the kubelet expands variables", () => {
  const url = 'rtsp://10.0.0.8/$$live$(KUBERNETES_SERVICE_HOST)';
  const { value } = podOf({ source: { url } }).containers[0]!.env![0]!;
  const asTheKubelet = value!.replaceAll(/\$\$|\$\([^)]*\)/g, (found) => (found === '$$' ? '$' : '10.96.0.1'));
  assert.equal((JSON.parse(asTheKubelet) as { source: { url: string } }).source.url, url);
});

test('authorities and token are mounted files, which change without a change of the pod', () => {
  const { serverName, authoritiesFile, tokenFile } = agentConfig().tls as Record<string, string>;
  assert.equal(serverName, 'footfall-counter.footfall-system.svc');
  const mounts = podOf().containers[0]!.volumeMounts!;
  for (const file of [authoritiesFile, tokenFile]) {
    const mount = mounts.find(({ mountPath }) => file!.startsWith(`${mountPath}/`));
    // The kubelet never updates a mount of a single file.
    assert.deepEqual([mount?.readOnly, mount?.subPath], [true, undefined], file);
  }
  const { configMap } = podOf().volumes!.find(({ name }) => name === 'authorities')!;
  assert.deepEqual([configMap!.name, configMap!.optional], ['door-agent', true]);
  assert.equal(
    JSON.stringify(desiredAgent(streamOf(), config, 'first').deployment),
    JSON.stringify(desiredAgent(streamOf(), config, 'second').deployment),
  );
});
