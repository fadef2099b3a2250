/** Nodes that are not there, are emptied, or die. */
import assert from 'node:assert/strict';
import { run } from '../commands.ts';
import { OTHER_SITE } from '../cluster.ts';
import { hasCounted } from '../counted.ts';
import { whenPoolHas } from '../counters.ts';
import type { Scenario, World } from '../scenario.ts';

const SAID_WITHIN_SECONDS = 15;
const HEALED_WITHIN_SECONDS = 60;
/** Kubernetes gives a silent node up after 50 s; the condition follows. */
const LOST_WITHIN_SECONDS = 90;

export const noNode: Scenario = {
  name: 'no-node-for-site',
  promise: 'A site without a node is NoNodeForSite; labelling a node is all it takes.',
  alone: true,
  async run({ streams, kubectl, cluster, afterwards }) {
    await streams.create('door', { site: 'attic' });
    const { status } = await streams.whenCondition(
      'door',
      { type: 'AgentAvailable', status: 'False', reason: 'NoNodeForSite' },
      SAID_WITHIN_SECONDS,
    );
    assert.match(status!.conditions!.find(({ type }) => type === 'AgentAvailable')!.message, /footfall\.dev\/site=attic/);
    const label = (site: string) => kubectl(['label', '--overwrite', 'node', cluster.facility, `footfall.dev/site=${site}`]);
    afterwards(() => label(OTHER_SITE));
    await label('attic');
    await streams.whenReady('door', HEALED_WITHIN_SECONDS);
  },
};

export const siteDrained: Scenario = {
  name: 'site-drained',
  promise:
    'When the only node of a site is drained the stream says that its agent finds no node; it goes on with its totals after the uncordon.',
  alone: true,
  async run(world) {
    const { streams, kubectl, cluster } = world;
    const counted = await hasCounted('door', world);
    await drain(cluster.site, 'edge-agent', world);
    await streams.whenCondition('door', { type: 'AgentAvailable', status: 'False', reason: 'AgentUnschedulable' }, SAID_WITHIN_SECONDS);
    await kubectl(['uncordon', cluster.site]);
    const { status } = await streams.whenReady('door', HEALED_WITHIN_SECONDS);
    assert.ok(status!.counts!.in >= counted, `the totals stay: ${counted} before, ${status!.counts!.in} after`);
    await world.eventually('the time without an agent is declared', 30, async () => {
      const { counts } = (await streams.get('door')).status!;
      assert.ok(counts!.gaps.count > 0, 'there is no gap in the counts');
    });
  },
};

export const countersDrained: Scenario = {
  name: 'counters-drained',
  promise: "When the counters' node is drained the streams say CounterUnavailable; the agents keep the video, and nothing of it is lost.",
  alone: true,
  async run(world) {
    const { streams, kubectl, cluster } = world;
    const counted = await hasCounted('door', world);
    await drain(cluster.facility, 'counter', world);
    await streams.whenCondition('door', { type: 'Counting', status: 'False', reason: 'CounterUnavailable' }, SAID_WITHIN_SECONDS);
    await kubectl(['uncordon', cluster.facility]);
    await whenPoolHas(2, HEALED_WITHIN_SECONDS, world);
    const { status } = await streams.whenReady('door', HEALED_WITHIN_SECONDS);
    assert.ok(status!.counts!.in >= counted, 'the totals stay');
    assert.equal(status!.counts!.gaps.count, 0, 'what the agent kept was counted: there is no gap');
  },
};

export const nodeLost: Scenario = {
  name: 'node-lost',
  promise: "When a site's node dies the stream says so within the cluster's own time-out, and goes on when the node is back.",
  alone: true,
  async run(world) {
    const { streams, cluster, afterwards, note } = world;
    const counted = await hasCounted('door', world);
    afterwards(async () => run('docker', ['unpause', cluster.site]).catch(() => {}));
    await run('docker', ['pause', cluster.site]);
    const began = performance.now();
    await streams.whenCondition('door', { type: 'AgentAvailable', status: 'False', reason: 'NodeLost' }, LOST_WITHIN_SECONDS);
    note(`said after ${((performance.now() - began) / 1000).toFixed(0)} s`);
    await run('docker', ['unpause', cluster.site]);
    const { status } = await streams.whenReady('door', 2 * HEALED_WITHIN_SECONDS);
    assert.ok(status!.counts!.in >= counted, 'the totals stay');
  },
};

/** Empties a node of one kind of Footfall's pods, whatever their disruption budget; cameras and operator stay where they are. */
async function drain(node: string, component: string, { kubectl, afterwards }: World): Promise<void> {
  afterwards(() => kubectl(['uncordon', node]));
  await kubectl([
    'drain',
    node,
    `--pod-selector=app.kubernetes.io/component=${component}`,
    '--delete-emptydir-data',
    '--disable-eviction',
    '--timeout=55s',
  ]);
}
