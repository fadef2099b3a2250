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
import { type Operator, type Pass, reconcileStream } from './reconcile.ts';
import { World } from '../cluster-cache.ts';

const skip = withoutControlPlane();
let plane: ControlPlane;
before(async () => {
  if (skip === false) plane = await ControlPlane.start();
});
after(async () => plane?.stop());

/** An operator without its queue: a test says when it looks at what. */
class Stage {
  readonly namespace: string;
  readonly api: ApiServer;
  readonly events: string[] = [];
  /** `verb plural` of each write. */
  writes: string[] = [];
  /** Whom agents are to trust. */
  authorities: string | undefined;
  readonly #world: World;
  readonly #operator: Operator;
  readonly #over = new AbortController();
  readonly #mirroring: Promise<void>;

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
    this.#world = new World({ ...config, api: this.api, onStream: () => undefined, onPool: () => undefined, onState: () => undefined });
    this.#operator = {
      api: this.api,
      world: this.#world,
      config,
      pool: () => poolOf(),
      authorities: () => this.authorities,
      now: () => '2026-11-22T12:00:00Z',
      onReady: (_, { reason }) => this.events.push(reason),
      log: createLog('test', 'silent'),
    };
    this.#mirroring = this.#world.run(this.#over.signal);
  }

  static async open(namespace?: string): Promise<Stage> {
    const stage = new Stage(namespace ?? (await plane.makeNamespace()));
    await stage.#world.whenFilled(stage.#over.signal);
    return stage;
  }

  async make(name: string, spec: object = {}): Promise<void> {
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

  /** Waits until the operator's mirror shows the stream so. */
  async shows(name: string, holds: (stream: CameraStream) => boolean): Promise<void> {
    await until(() => {
      const known = this.#world.stream(`${this.namespace}/${name}`);
      return known !== undefined && holds(known.stream);
    });
  }

  async showsDeployment(name: string, holds: (deployment: V1Deployment | undefined) => boolean): Promise<void> {
    const { stream } = this.#world.stream(`${this.namespace}/${name}`)!;
    await until(() => holds(this.#world.agent(stream).deployment));
  }

  async showsPod(name: string, there: boolean): Promise<void> {
    const { stream } = this.#world.stream(`${this.namespace}/${name}`)!;
    await until(() => (this.#world.agent(stream).pod !== undefined) === there);
  }

  async look(name: string): Promise<Pass> {
    this.writes = [];
    return reconcileStream(`${this.namespace}/${name}`, this.#operator, this.#over.signal);
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
    this.#over.abort(new Error('the test is over'));
    await this.#mirroring;
    await this.api.close();
  }
}

async function until(holds: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  while (!holds()) {
    signal.throwIfAborted();
    await pause(0.01, signal);
  }
}

function scene(sentence: string, play: (stage: Stage) => Promise<void>): void {
  test(sentence, { skip }, async () => {
    const stage = await Stage.open();
    try {
      await play(stage);
    } finally {
      await stage.close();
    }
  });
}

scene('a stream gets an agent of its own, with two writes and one for its status; looked at again, nothing is written', async (stage) => {
  await stage.make('door');
  await stage.look('door');
  assert.deepEqual(stage.writes, ['apply serviceaccounts', 'apply deployments', 'apply camerastreams']);
  const deployment = await stage.deployment('door-agent');
  const { metadata } = await stage.stream('door');
  assert.equal(deployment!.metadata!.ownerReferences![0]!.uid, metadata.uid);
  await plane.api.get<V1ServiceAccount>(resources.serviceAccounts, { namespace: stage.namespace, name: 'door-agent' });
  assert.equal((await stage.ready('door')).reason, 'AgentStarting');
  assert.deepEqual(stage.events, ['AgentStarting']);
  await stage.look('door');
  assert.deepEqual(stage.writes, [], 'the mirrors may not show the writes yet');
  await stage.shows('door', ({ status }) => status?.conditions !== undefined);
  await stage.look('door');
  assert.deepEqual(stage.writes, []);
});

scene('an operator that starts anew writes nothing for what is in place', async (stage) => {
  await stage.make('door');
  await stage.look('door');
  const successor = await Stage.open(stage.namespace);
  await successor.look('door');
  assert.deepEqual(successor.writes, []);
  await successor.close();
});

scene('an edit of lines writes no object of the agent; an edit of the source writes one; suspending takes its pod', async (stage) => {
  await stage.make('door');
  await stage.look('door');
  await stage.edit('door', { lines: [entrance, { name: 'back', from: { x: 1, y: 1 }, to: { x: 9, y: 900 } }] });
  await stage.look('door');
  assert.deepEqual(stage.writes, ['apply camerastreams'], 'the new generation is noted');
  await stage.edit('door', { source: { url: 'rtsp://10.0.0.9/stream2' } });
  await stage.look('door');
  assert.deepEqual(stage.writes, ['apply deployments', 'apply camerastreams']);
  await stage.edit('door', { suspend: true });
  await stage.look('door');
  assert.equal((await stage.deployment('door-agent'))!.spec!.replicas, 0);
  assert.equal((await stage.ready('door')).reason, 'Suspended');
});

scene('an agent is told whom to trust, and of a change without a change of its pod', async (stage) => {
  stage.authorities = 'those';
  await stage.make('door');
  await stage.look('door');
  assert.deepEqual(stage.writes, ['apply serviceaccounts', 'apply configmaps', 'apply deployments', 'apply camerastreams']);
  const trusted = async () =>
    (await plane.api.get<V1ConfigMap>(resources.configMaps, { namespace: stage.namespace, name: 'door-agent' })).data;
  assert.deepEqual(await trusted(), { 'ca.crt': 'those' });
  stage.authorities = 'these and those';
  await stage.look('door');
  assert.deepEqual([stage.writes, await trusted()], [['apply configmaps'], { 'ca.crt': 'these and those' }]);
  stage.authorities = undefined;
  await stage.look('door');
  assert.deepEqual([stage.writes, await trusted()], [[], { 'ca.crt': 'these and those' }], 'what is not known takes nothing away');
});

scene('a field that leaves the spec leaves the agent', async (stage) => {
  await stage.make('door', { nodeSelector: { 'kubernetes.io/arch': 'arm64' } });
  await stage.look('door');
  await stage.edit('door', { nodeSelector: null });
  await stage.look('door');
  assert.equal((await stage.deployment('door-agent'))!.spec!.template.spec!.nodeSelector, undefined);
});

scene('what somebody else changes in the agent is put back', async (stage) => {
  await stage.make('door');
  await stage.look('door');
  await plane.api.merge(resources.deployments, { namespace: stage.namespace, name: 'door-agent' }, { spec: { replicas: 3 } });
  await stage.showsDeployment('door', (deployment) => deployment?.spec?.replicas === 3);
  await stage.look('door');
  assert.equal((await stage.deployment('door-agent'))!.spec!.replicas, 1);
});

scene("a Deployment of that name which is somebody else's is left alone, and named", async (stage) => {
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
  await stage.make('door');
  const { requeueAfterSeconds } = await stage.look('door');
  assert.equal((await stage.deployment('door-agent'))!.spec!.replicas, 7);
  const ready = await stage.ready('door');
  assert.equal(ready.reason, 'NameTaken');
  assert.match(ready.message, /door-agent is there and is not Footfall's/);
  assert.ok(requeueAfterSeconds! > 0, 'it is tried again when the other is gone');
});

scene("a ServiceAccount of that name which is somebody else's is not taken over, though no field speaks against it", async (stage) => {
  await plane.api.create(resources.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'door-agent', namespace: stage.namespace },
  });
  await stage.make('door');
  await stage.look('door');
  assert.equal((await stage.ready('door')).reason, 'NameTaken');
  const { metadata } = await plane.api.get<V1ServiceAccount>(resources.serviceAccounts, { namespace: stage.namespace, name: 'door-agent' });
  assert.equal(metadata!.ownerReferences, undefined);
});

scene('a pod that goes leaves the status', async (stage) => {
  await stage.make('door');
  await stage.look('door');
  const labels = agentLabels('door');
  await plane.api.create(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'door-agent-1', namespace: stage.namespace, labels },
    spec: { serviceAccountName: 'door-agent', containers: [{ name: 'agent', image: 'agent' }] },
  } as KubernetesObject);
  await stage.showsPod('door', true);
  await stage.look('door');
  assert.deepEqual((await stage.stream('door')).status!.agent, { pod: 'door-agent-1' });
  await stage.edit('door', { suspend: true });
  await plane.api.delete(resources.pods, { namespace: stage.namespace, name: 'door-agent-1' });
  await stage.showsPod('door', false);
  await stage.look('door');
  assert.equal((await stage.stream('door')).status!.agent, undefined);
});

scene('what the API server does not take is told with its words', async (stage) => {
  // A label key that the CRD's pattern lets through and the API server's parser does not.
  await stage.make('door', { nodeSelector: { 'a..b/c': 'd' } });
  await stage.look('door');
  const ready = await stage.ready('door');
  assert.equal(ready.reason, 'AgentForbidden');
  assert.match(ready.message, /nodeSelector|a\.\.b/);
});

scene('a file is for local mode: it is refused, and an agent of an earlier spec is taken away', async (stage) => {
  await stage.make('door');
  await stage.look('door');
  await stage.edit('door', { source: { url: '/clip.mp4' } });
  await stage.showsDeployment('door', (deployment) => deployment !== undefined);
  await stage.look('door');
  assert.equal(await stage.deployment('door-agent'), undefined);
  assert.match((await stage.ready('door')).message, /spec\.source\.url/);
});

scene('of a stream that is not there, nothing is made', async (stage) => {
  await stage.look('nobody');
  assert.deepEqual(stage.writes, []);
});
