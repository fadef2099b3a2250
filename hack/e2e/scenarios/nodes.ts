/** Nodes that are missing, drained, or dead. */
import assert from 'node:assert/strict';
import { run } from '../commands.ts';
import { OTHER_SITE } from '../cluster.ts';
import { createCounting } from '../counted.ts';
import { untilPoolHas } from '../counters.ts';
import type { Scenario, World } from '../scenario.ts';

const REPORTED_WITHIN_SECONDS = 15;
const RECOVERED_WITHIN_SECONDS = 60;
/** Kubernetes marks a silent node as lost after 50 s; the condition follows. */
const LOST_WITHIN_SECONDS = 90;

export const noNode: Scenario = {
  name: 'no-node-for-site',
  promise: 'A stream whose site has no node reports NoNodeForSite, and counts once a node has the label of the site.',
  alone: true,
  async run({ streams, kubectl, cluster, afterwards }) {
    await streams.create('door', { site: 'attic' });
    const { status } = await streams.untilCondition(
      'door',
      { type: 'AgentAvailable', status: 'False', reason: 'NoNodeForSite' },
      REPORTED_WITHIN_SECONDS,
    );
    assert.match(status!.conditions!.find(({ type }) => type === 'AgentAvailable')!.message, /footfall\.dev\/site=attic/);
    const label = (site: string) => kubectl(['label', '--overwrite', 'node', cluster.facility, `footfall.dev/site=${site}`]);
    afterwards(() => label(OTHER_SITE));
    await label('attic');
    await streams.untilReady('door', RECOVERED_WITHIN_SECONDS);
  },
};

export const siteDrained: Scenario = {
  name: 'site-drained',
  promise:
    'When the only node of a site is drained, the stream reports AgentUnschedulable; after the uncordon it continues with its totals.',
  alone: true,
  async run(world) {
    const { streams, kubectl, cluster } = world;
    const counted = await createCounting('door', world);
    await drain(cluster.site, 'edge-agent', world);
    await streams.untilCondition(
      'door',
      { type: 'AgentAvailable', status: 'False', reason: 'AgentUnschedulable' },
      REPORTED_WITHIN_SECONDS,
    );
    await kubectl(['uncordon', cluster.site]);
    const { status } = await streams.untilReady('door', RECOVERED_WITHIN_SECONDS);
    assert.ok(status!.counts!.in >= counted, `the totals stay: ${counted} before, ${status!.counts!.in} after`);
    await world.eventually('the time without an agent is declared', 30, async () => {
      const { counts } = (await streams.get('door')).status!;
      assert.ok(counts!.gaps.count > 0, 'there is no gap in the counts');
    });
  },
};

export const countersDrained: Scenario = {
  name: 'counters-drained',
  promise: "When the counters' node is drained, streams report CounterUnavailable; the agents keep the video and lose none of it.",
  alone: true,
  async run(world) {
    const { streams, kubectl, cluster } = world;
    const counted = await createCounting('door', world);
    await drain(cluster.facility, 'counter', world);
    await streams.untilCondition('door', { type: 'Counting', status: 'False', reason: 'CounterUnavailable' }, REPORTED_WITHIN_SECONDS);
    await kubectl(['uncordon', cluster.facility]);
    await untilPoolHas(2, RECOVERED_WITHIN_SECONDS, world);
    const { status } = await streams.untilReady('door', RECOVERED_WITHIN_SECONDS);
    assert.ok(status!.counts!.in >= counted, 'the totals stay');
    assert.equal(status!.counts!.gaps.count, 0, 'the kept video was counted: there is no gap');
  },
};

export const nodeLost: Scenario = {
  name: 'node-lost',
  promise:
    "When a site's node dies, the stream reports NodeLost within the cluster's own time-out, and counts again when the node is back.",
  alone: true,
  async run(world) {
    const { streams, cluster, afterwards, note } = world;
    const counted = await createCounting('door', world);
    afterwards(async () => run('docker', ['unpause', cluster.site]).catch(() => {}));
    await run('docker', ['pause', cluster.site]);
    const began = performance.now();
    await streams.untilCondition('door', { type: 'AgentAvailable', status: 'False', reason: 'NodeLost' }, LOST_WITHIN_SECONDS);
    note(`reported after ${((performance.now() - began) / 1000).toFixed(0)} s`);
    await run('docker', ['unpause', cluster.site]);
    const { status } = await streams.untilReady('door', 2 * RECOVERED_WITHIN_SECONDS);
    assert.ok(status!.counts!.in >= counted, 'the totals stay');
  },
};

/** Drains one kind of Footfall's pods from a node, regardless of disruption budgets; cameras and operator stay. */
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
