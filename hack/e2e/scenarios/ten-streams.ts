/** Many cameras at two sites share the counters; a change, suspension or deletion of one stream does not affect the others. */
import assert from 'node:assert/strict';
import { resources } from '#crds/cluster/api.ts';
import { OTHER_SITE, SITE } from '../cluster.ts';
import { counterPods, seriesOf } from '../counters.ts';
import type { Scenario, World } from '../scenario.ts';
import { cameraUrl, LINES, totalsOf } from '../streams.ts';

const NAMES = Array.from({ length: 10 }, (_, index) => `door-${index}`);
/** Streams whose counts matter here; one frame a second is too few to track people. */
const COUNTED: ReadonlySet<string> = new Set(['door-2', 'door-3']);

export const tenStreams: Scenario = {
  name: 'ten-streams',
  promise: 'Ten cameras at two sites share two counters; editing, suspending or deleting one stream leaves the others unaffected.',
  async run(world) {
    await createAll(world);
    await editLines(world);
    await editSource(world);
    await suspendOne(world);
    await recreateOne(world);
    await deleteAll(world);
  },
};

async function createAll({ streams, cluster }: World): Promise<void> {
  await Promise.all(
    NAMES.map((name, index) => streams.create(name, { site: index < 5 ? SITE : OTHER_SITE, framesPerSecond: COUNTED.has(name) ? 3 : 1 })),
  );
  const ready = await Promise.all(NAMES.map((name) => streams.untilReady(name, 90)));
  const nodes = ready.map(({ status }) => status?.agent?.node);
  assert.deepEqual(
    nodes,
    NAMES.map((_, index) => (index < 5 ? cluster.site : cluster.facility)),
    'each agent runs at its own site',
  );
  assert.equal(new Set(ready.map(({ status }) => status?.stream?.counter)).size, 2, 'both counters serve');
}

async function editLines(world: World): Promise<void> {
  const { streams, note } = world;
  const before = await streams.agentUids();
  const { metadata } = await streams.patch('door-0', {
    spec: {
      lines: [
        { ...LINES[0], from: { x: 580, y: 1000 } },
        { name: 'table', from: { x: 300, y: 300 }, to: { x: 600, y: 300 } },
      ],
    },
  });
  const began = performance.now();
  await world.eventually('the counter counts by the edited lines', 3, async () => {
    const { status } = await streams.get('door-0');
    assert.ok(
      status?.stream?.observedGeneration === metadata.generation,
      `generation ${status?.stream?.observedGeneration} is observed, not ${metadata.generation}`,
    );
  });
  note(`edited lines after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await world.eventually('the new line has totals', 30, async () => {
    assert.ok('table' in totalsOf(await streams.get('door-0')), JSON.stringify(totalsOf(await streams.get('door-0'))));
  });
  assert.deepEqual(await streams.agentUids(), before, 'no agent was restarted');
}

async function editSource(world: World): Promise<void> {
  const { streams, namespace } = world;
  const { 'door-1': old, ...others } = await streams.agentUids();
  await streams.patch('door-1', { spec: { source: { url: cameraUrl(`loop/${namespace}-moved`) } } });
  await world.eventually('door-1 has another agent', 30, async () => {
    const { 'door-1': now, ...rest } = await streams.agentUids();
    assert.ok(now !== undefined && now !== old, `its pod is ${now === undefined ? 'missing' : 'still the old one'}`);
    assert.deepEqual(rest, others, 'the other agents stay');
  });
  await streams.untilReady('door-1', 45);
}

async function suspendOne(world: World): Promise<void> {
  const { streams } = world;
  await world.eventually('door-2 has counted a person', 60, async () => {
    assert.ok((await streams.get('door-2')).status?.counts?.in, 'no count yet');
  });
  await streams.patch('door-2', { spec: { suspend: true } });
  const suspended = await streams.untilCondition('door-2', { type: 'Ready', status: 'False', reason: 'Suspended' }, 15);
  await world.eventually('the suspended agent is gone', 45, async () => assert.deepEqual(await streams.agentPods('door-2'), []));
  const { status } = await streams.get('door-2');
  assert.ok(status!.counts!.in >= suspended.status!.counts!.in && status!.counts!.in > 0, 'the totals stay');
  await streams.patch('door-2', { spec: { suspend: false } });
  const resumed = await streams.untilReady('door-2', 45);
  assert.ok(resumed.status!.counts!.in >= status!.counts!.in, 'the totals go on');
}

async function recreateOne(world: World): Promise<void> {
  const { streams } = world;
  const before = await world.eventually('door-3 has counted a person', 60, async () => {
    const stream = await streams.get('door-3');
    assert.ok(stream.status?.counts?.in, 'no count yet');
    return stream;
  });
  await streams.delete('door-3');
  await streams.untilGone('door-3', 15);
  // Its camera plays the clip from the start; the first person comes after some seconds.
  const made = await streams.create('door-3', { path: `once/${world.namespace}-anew`, framesPerSecond: 3 });
  assert.notEqual(made.metadata.uid, before.metadata.uid);
  const ready = await streams.untilReady('door-3', 60);
  assert.ok((ready.status?.counts?.in ?? 0) <= 1, `counts start from zero, found ${ready.status?.counts?.in} in`);
  assert.notEqual(ready.status?.stream?.session, before.status?.stream?.session);
}

async function deleteAll(world: World): Promise<void> {
  const { streams, api, namespace, signal } = world;
  await Promise.all(NAMES.map((name) => streams.delete(name)));
  await world.eventually('nothing of the streams is left in their namespace', 60, async () => {
    for (const resource of [resources.deployments, resources.serviceAccounts, resources.pods]) {
      const { items } = await api.list(resource, { namespace, labelSelector: 'app.kubernetes.io/managed-by=footfall' }, signal);
      assert.deepEqual(
        items.map(({ metadata }) => `${resource.kind} ${metadata?.name}`),
        [],
      );
    }
  });
  await world.eventually('no counter shows series of the streams', 15, async () => {
    for (const { metadata } of await counterPods(world)) assert.deepEqual(await seriesOf(namespace, metadata!.name!, world), []);
  });
}
