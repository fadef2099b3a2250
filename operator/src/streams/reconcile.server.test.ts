/** Streams on a real API server, reconciled one pass at a time. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type ApiServer,
  isNotFound,
  type KubernetesObject,
  resources,
  type V1ConfigMap,
  type V1Deployment,
  type V1ServiceAccount,
} from '#crds/cluster/api.ts';
import { connect } from '#crds/cluster/client.ts';
import type { CameraStream, Condition } from '#crds/schema.ts';
import { pause } from '#proto/process/backoff.ts';
import { createLog } from '#proto/process/log.ts';
import { ControlPlane, withoutControlPlane } from '../../../hack/machine/control-plane.ts';
import { configOf, entrance, poolOf } from '../fixtures/objects.ts';
import { agentLabels } from '../objects/labels.ts';
import { ClusterCache } from '../runtime/cluster-cache.ts';
import { type Controller, ControllerQueue, type Pass } from '../runtime/controller.ts';
import { streamController } from './reconcile.ts';
import { agentObjects, knownStream } from './known.ts';

const skip = withoutControlPlane();
let plane: ControlPlane;
before(async () => {
  if (skip === false) plane = await ControlPlane.start();
});
after(async () => plane?.stop());

/** A stream controller whose queue does not run: a test decides what is reconciled, and when. */
class Stage {
  readonly namespace: string;
  readonly api: ApiServer;
  readonly events: string[] = [];
  /** `verb plural` of each write. */
  writes: string[] = [];
  /** What agents must trust. */
  authorities: string | undefined;
  readonly #cache: ClusterCache;
  readonly #controller: Controller;
  readonly #stop = new AbortController();
  readonly #caching: Promise<void>;

  private constructor(namespace: string) {
    this.namespace = namespace;
    this.api = connect({
      kubeconfig: plane.kubeconfig,
      userAgent: 'operator-test',
      onRequest: ({ verb, plural }) => {
        if (!['get', 'list', 'watch'].includes(verb)) this.writes.push(`${verb} ${plural}`);
      },
    });
    const config = configOf({ namespace, watchNamespaces: [namespace] });
    this.#cache = new ClusterCache({ ...config, api: this.api, onState: () => undefined });
    this.#controller = streamController({
      api: this.api,
      cache: this.#cache,
      config,
      pool: () => poolOf(),
      authorities: () => this.authorities,
      now: () => '2026-11-22T12:00:00Z',
      onChange: (_, { type, reason }) => type === 'Ready' && this.events.push(reason),
      log: createLog('test', 'silent'),
    });
    // Makes the informers that the controller watches.
    void new ControllerQueue(this.#controller, this.#cache);
    this.#caching = this.#cache.run(this.#stop.signal);
  }

  static async open(namespace?: string): Promise<Stage> {
    const stage = new Stage(namespace ?? (await plane.makeNamespace()));
    await stage.#cache.whenSynced(stage.#stop.signal);
    return stage;
  }

  async create(name: string, spec: object = {}): Promise<void> {
    const object = {
      apiVersion: 'footfall.dev/v1alpha1',
      kind: 'CameraStream',
      metadata: { name, namespace: this.namespace },
      spec: { source: { url: 'rtsp://10.0.0.8/stream2' }, lines: [entrance], ...spec },
    };
    await plane.api.create(resources.cameraStreams, object);
    await this.shows(name, () => true);
  }

  async edit(name: string, spec: object): Promise<void> {
    const { metadata } = await plane.api.merge<CameraStream>(resources.cameraStreams, { namespace: this.namespace, name }, { spec });
    await this.shows(name, (stream) => stream.metadata.generation === metadata.generation);
  }

  /** Waits until the operator's cache shows the stream in this state. */
  async shows(name: string, holds: (stream: CameraStream) => boolean): Promise<void> {
    await until(() => {
      const known = knownStream(this.#cache, `${this.namespace}/${name}`);
      return known !== undefined && holds(known.stream);
    });
  }

  async showsDeployment(name: string, holds: (deployment: V1Deployment | undefined) => boolean): Promise<void> {
    await until(() => holds(this.#agent(name).deployment));
  }

  async showsPod(name: string, exists: boolean): Promise<void> {
    await until(() => (this.#agent(name).pod !== undefined) === exists);
  }

  async reconcile(name: string): Promise<Pass> {
    this.writes = [];
    return this.#controller.reconcile(`${this.namespace}/${name}`, this.#stop.signal);
  }

  async stream(name: string): Promise<CameraStream> {
    return plane.api.get<CameraStream>(resources.cameraStreams, { namespace: this.namespace, name });
  }

  async ready(name: string): Promise<Condition> {
    return (await this.stream(name)).status!.conditions!.find(({ type }) => type === 'Ready')!;
  }

  async deployment(name: string): Promise<V1Deployment | undefined> {
    return plane.api.get<V1Deployment>(resources.deployments, { namespace: this.namespace, name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the test is over'));
    await this.#caching;
    await this.api.close();
  }

  #agent(name: string) {
    return agentObjects(this.#cache, knownStream(this.#cache, `${this.namespace}/${name}`)!.stream);
  }
}

async function until(holds: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  while (!holds()) {
    signal.throwIfAborted();
    await pause(0.01, signal);
  }
}

function onStage(sentence: string, run: (stage: Stage) => Promise<void>): void {
  test(sentence, { skip }, async () => {
    const stage = await Stage.open();
    try {
      await run(stage);
    } finally {
      await stage.close();
    }
  });
}

onStage('a stream gets an agent with two writes, and one for its status; the next pass writes nothing', async (stage) => {
  await stage.create('door');
  await stage.reconcile('door');
  assert.deepEqual(stage.writes, ['apply serviceaccounts', 'apply deployments', 'apply camerastreams']);
  const deployment = await stage.deployment('door-agent');
  const { metadata } = await stage.stream('door');
  assert.equal(deployment!.metadata!.ownerReferences![0]!.uid, metadata.uid);
  await plane.api.get<V1ServiceAccount>(resources.serviceAccounts, { namespace: stage.namespace, name: 'door-agent' });
  assert.equal((await stage.ready('door')).reason, 'AgentStarting');
  assert.deepEqual(stage.events, ['AgentStarting']);
  await stage.reconcile('door');
  assert.deepEqual(stage.writes, [], 'although the cache may not show the writes yet');
  await stage.shows('door', ({ status }) => status?.conditions !== undefined);
  await stage.reconcile('door');
  assert.deepEqual(stage.writes, []);
});

onStage('an operator that starts again writes nothing for an agent that is as desired', async (stage) => {
  await stage.create('door');
  await stage.reconcile('door');
  const successor = await Stage.open(stage.namespace);
  try {
    await successor.reconcile('door');
    assert.deepEqual(successor.writes, []);
  } finally {
    await successor.close();
  }
});

onStage('an edit of lines writes no object of the agent, an edit of the source one; a suspended stream has no pod', async (stage) => {
  await stage.create('door');
  await stage.reconcile('door');
  await stage.edit('door', { lines: [entrance, { name: 'back', from: { x: 1, y: 1 }, to: { x: 9, y: 900 } }] });
  await stage.reconcile('door');
  assert.deepEqual(stage.writes, ['apply camerastreams'], 'the status has the new generation');
  await stage.edit('door', { source: { url: 'rtsp://10.0.0.9/stream2' } });
  await stage.reconcile('door');
  assert.deepEqual(stage.writes, ['apply deployments', 'apply camerastreams']);
  await stage.edit('door', { suspend: true });
  await stage.reconcile('door');
  assert.equal((await stage.deployment('door-agent'))!.spec!.replicas, 0);
  assert.equal((await stage.ready('door')).reason, 'Suspended');
});

onStage('an agent gets the trusted authorities, and a change of them without a change of its pod', async (stage) => {
  stage.authorities = 'first';
  await stage.create('door');
  await stage.reconcile('door');
  assert.deepEqual(stage.writes, ['apply serviceaccounts', 'apply configmaps', 'apply deployments', 'apply camerastreams']);
  const trusted = async () =>
    (await plane.api.get<V1ConfigMap>(resources.configMaps, { namespace: stage.namespace, name: 'door-agent' })).data;
  assert.deepEqual(await trusted(), { 'ca.crt': 'first' });
  stage.authorities = 'first and second';
  await stage.reconcile('door');
  assert.deepEqual([stage.writes, await trusted()], [['apply configmaps'], { 'ca.crt': 'first and second' }]);
  stage.authorities = undefined;
  await stage.reconcile('door');
  assert.deepEqual([stage.writes, await trusted()], [[], { 'ca.crt': 'first and second' }], 'unknown authorities remove nothing');
});

onStage('a field that is removed from the spec is removed from the agent', async (stage) => {
  await stage.create('door', { nodeSelector: { 'kubernetes.io/arch': 'arm64' } });
  await stage.reconcile('door');
  await stage.edit('door', { nodeSelector: null });
  await stage.reconcile('door');
  assert.equal((await stage.deployment('door-agent'))!.spec!.template.spec!.nodeSelector, undefined);
});

onStage('a change of the agent by another client is reverted', async (stage) => {
  await stage.create('door');
  await stage.reconcile('door');
  await plane.api.merge(resources.deployments, { namespace: stage.namespace, name: 'door-agent' }, { spec: { replicas: 3 } });
  await stage.showsDeployment('door', (deployment) => deployment?.spec?.replicas === 3);
  await stage.reconcile('door');
  assert.equal((await stage.deployment('door-agent'))!.spec!.replicas, 1);
});

onStage('a Deployment of that name that the operator did not create is left alone, and named', async (stage) => {
  const foreign: KubernetesObject & { spec: object } = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'door-agent', namespace: stage.namespace },
    spec: {
      replicas: 7,
      selector: { matchLabels: { app: 'theirs' } },
      template: { metadata: { labels: { app: 'theirs' } }, spec: { containers: [{ name: 'agent', image: 'theirs' }] } },
    },
  };
  await plane.api.create(resources.deployments, foreign);
  await stage.create('door');
  const { requeueAfterSeconds } = await stage.reconcile('door');
  assert.equal((await stage.deployment('door-agent'))!.spec!.replicas, 7);
  const ready = await stage.ready('door');
  assert.equal(ready.reason, 'NameTaken');
  assert.match(ready.message, /door-agent exists and was not created by Footfall/);
  assert.ok(requeueAfterSeconds! > 0, 'the next pass may find that Deployment deleted');
});

onStage('a ServiceAccount of that name that the operator did not create is not taken over, although no field differs', async (stage) => {
  await plane.api.create(resources.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'door-agent', namespace: stage.namespace },
  });
  await stage.create('door');
  await stage.reconcile('door');
  assert.equal((await stage.ready('door')).reason, 'NameTaken');
  const { metadata } = await plane.api.get<V1ServiceAccount>(resources.serviceAccounts, { namespace: stage.namespace, name: 'door-agent' });
  assert.equal(metadata!.ownerReferences, undefined);
});

onStage('a deleted pod is removed from the status', async (stage) => {
  await stage.create('door');
  await stage.reconcile('door');
  const labels = agentLabels('door');
  await plane.api.create(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'door-agent-1', namespace: stage.namespace, labels },
    spec: { serviceAccountName: 'door-agent', containers: [{ name: 'agent', image: 'agent' }] },
  } as KubernetesObject);
  await stage.showsPod('door', true);
  await stage.reconcile('door');
  assert.deepEqual((await stage.stream('door')).status!.agent, { pod: 'door-agent-1' });
  await stage.edit('door', { suspend: true });
  await plane.api.delete(resources.pods, { namespace: stage.namespace, name: 'door-agent-1' });
  await stage.showsPod('door', false);
  await stage.reconcile('door');
  assert.equal((await stage.stream('door')).status!.agent, undefined);
});

onStage('a refusal of the API server is reported with its message', async (stage) => {
  // A label key that the CRD's pattern accepts and the API server's parser does not.
  await stage.create('door', { nodeSelector: { 'a..b/c': 'd' } });
  await stage.reconcile('door');
  const ready = await stage.ready('door');
  assert.equal(ready.reason, 'AgentForbidden');
  assert.match(ready.message, /nodeSelector|a\.\.b/);
});

onStage('a file as the source is refused, for it is for local mode, and the agent of an earlier spec is deleted', async (stage) => {
  await stage.create('door');
  await stage.reconcile('door');
  await stage.edit('door', { source: { url: '/clip.mp4' } });
  await stage.showsDeployment('door', (deployment) => deployment !== undefined);
  await stage.reconcile('door');
  assert.equal(await stage.deployment('door-agent'), undefined);
  assert.match((await stage.ready('door')).message, /spec\.source\.url/);
});

onStage('a stream that does not exist leads to no write', async (stage) => {
  await stage.reconcile('missing');
  assert.deepEqual(stage.writes, []);
});
