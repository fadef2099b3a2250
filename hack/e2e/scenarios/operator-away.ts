/** Changes need the operator; counting does not. */
import assert from 'node:assert/strict';
import { type KubernetesObject, resources, type V1Pod } from '#crds/cluster/api.ts';
import { OPERATOR, SYSTEM } from '../installation.ts';
import { killPod } from '../kills.ts';
import type { Scenario, World } from '../scenario.ts';

interface Lease extends KubernetesObject {
  readonly spec?: { readonly holderIdentity?: string };
}

export const operatorAway: Scenario = {
  name: 'operator-away',
  promise: 'Streams count without an operator; when it is back it starts new streams, and writes to no object that is up to date.',
  alone: true,
  async run(world) {
    const { streams, kubectl, afterwards } = world;
    await Promise.all([streams.create('old-1'), streams.create('old-2')]);
    await Promise.all([streams.untilReady('old-1', 60), streams.untilReady('old-2', 60)]);
    const before = await operatorWrites(world);

    afterwards(() => scaleOperator(2, kubectl));
    await scaleOperator(0, kubectl);
    await world.eventually('no operator runs', 60, async () =>
      assert.deepEqual(
        (await operatorPods(world)).map(({ metadata }) => metadata?.name),
        [],
      ),
    );
    const atFirst = (await streams.get('old-1')).status?.counts?.in ?? 0;
    await streams.create('new');
    await world.eventually('more people are counted', 90, async () => {
      assert.ok(((await streams.get('old-1')).status?.counts?.in ?? 0) > atFirst, `still ${atFirst} in`);
    });
    const waiting = await streams.get('new');
    assert.equal(waiting.status, undefined, 'the new stream waits');
    assert.deepEqual(await streams.agentPods('new'), []);

    await scaleOperator(2, kubectl);
    await streams.untilReady('new', 60);
    assert.deepEqual(await operatorWrites(world), before, 'the operator does not write to objects that are up to date');
  },
};

export const leaderKilled: Scenario = {
  name: 'leader-killed',
  promise: 'When the leading operator is killed, the other replica leads within 20 s.',
  alone: true,
  async run(world) {
    const { kubectl, streams, note } = world;
    const leader = await world.eventually('an operator leads', 40, async () => {
      const holder = await holderOf(world);
      const pod = (await operatorPods(world)).find(({ metadata }) => metadata?.name === holder);
      assert.ok(pod !== undefined, `the lease holder is ${holder}`);
      return pod;
    });
    await killPod(leader, world);
    const began = performance.now();
    await world.eventually('another operator leads', 20, async () => {
      const holder = await holderOf(world);
      assert.ok(holder !== undefined && holder !== '' && holder !== leader.metadata!.name, `the lease holder is still ${holder}`);
    });
    note(`after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    await streams.create('door');
    await streams.untilReady('door', 45);
    await kubectl(['rollout', 'status', `--namespace=${SYSTEM}`, `deployment/${OPERATOR}`, '--timeout=50s']);
  },
};

async function scaleOperator(replicas: number, kubectl: World['kubectl']): Promise<void> {
  await kubectl(['scale', `deployment/${OPERATOR}`, `--namespace=${SYSTEM}`, `--replicas=${replicas}`]);
  if (replicas > 0) await kubectl(['rollout', 'status', `--namespace=${SYSTEM}`, `deployment/${OPERATOR}`, '--timeout=55s']);
}

async function operatorPods({ api, signal }: World): Promise<readonly V1Pod[]> {
  return (await api.list<V1Pod>(resources.pods, { namespace: SYSTEM, labelSelector: 'app.kubernetes.io/component=operator' }, signal))
    .items;
}

async function holderOf({ api, signal }: World): Promise<string | undefined> {
  return (await api.get<Lease>(resources.leases, { namespace: SYSTEM, name: OPERATOR }, signal)).spec?.holderIdentity;
}

/** Versions of the old streams' objects, and the times of the operator's last writes to the streams. */
async function operatorWrites({ api, namespace, signal, streams }: World): Promise<Readonly<Record<string, string>>> {
  const versions: Record<string, string> = {};
  for (const resource of [resources.deployments, resources.serviceAccounts]) {
    for (const name of ['old-1-agent', 'old-2-agent']) {
      const { metadata } = await api.get<KubernetesObject>(resource, { namespace, name }, signal);
      versions[`${resource.kind} ${name}`] = metadata!.resourceVersion!;
    }
  }
  for (const name of ['old-1', 'old-2']) {
    const { managedFields = [] } = (await streams.get(name)).metadata as {
      readonly managedFields?: readonly { readonly manager?: string; readonly time?: string }[];
    };
    versions[`status of ${name}`] = String(managedFields.find(({ manager }) => manager === OPERATOR)?.time);
  }
  return versions;
}
