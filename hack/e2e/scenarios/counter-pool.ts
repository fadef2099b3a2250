/** The counter pool at its limits: no counter, full counters, and more counters than GPUs. */
import assert from 'node:assert/strict';
import { counterPods, isReady, untilPoolHas } from '../counters.ts';
import type { Scenario, World } from '../scenario.ts';
import { conditionOf } from '../streams.ts';

const REPORTED_WITHIN_SECONDS = 15;
const RECOVERED_WITHIN_SECONDS = 60;
const GPU = 'nvidia.com/gpu';
/** The nodes have no real GPU: this edits the counter's configuration at its start, so that it uses the CPU. */
const useCpu = 'process.env.FOOTFALL_COUNTER = process.env.FOOTFALL_COUNTER?.replace(\'"cuda"\', \'"cpu"\')';
const ON_CPU = { name: 'NODE_OPTIONS', value: `--import=data:text/javascript,${encodeURIComponent(useCpu)}` };

export const noCounter: Scenario = {
  name: 'no-counter',
  promise: 'With a pool of no counters streams report CounterUnavailable, and count again once there are counters.',
  alone: true,
  async run(world) {
    const { streams, configure } = world;
    await streams.create('door');
    await streams.untilReady('door', RECOVERED_WITHIN_SECONDS);
    await configure({ counter: { minimum: 0, maximum: 0 } });
    await untilPoolHas(0, RECOVERED_WITHIN_SECONDS, world);
    await streams.untilCondition('door', { type: 'Counting', status: 'False', reason: 'CounterUnavailable' }, REPORTED_WITHIN_SECONDS);
    await configure({});
    await streams.untilReady('door', RECOVERED_WITHIN_SECONDS);
  },
};

export const countersFull: Scenario = {
  name: 'counters-full',
  promise: 'A stream for which no counter has room reports CounterFull, and counts once one has.',
  alone: true,
  async run(world) {
    const { streams, configure } = world;
    await configure({ counter: { streamsPerCounter: 1, minimum: 1, maximum: 1 } });
    await untilPoolHas(1, RECOVERED_WITHIN_SECONDS, world);
    await streams.create('first');
    await streams.untilReady('first', RECOVERED_WITHIN_SECONDS);
    await streams.create('second');
    const { status } = await streams.untilCondition(
      'second',
      { type: 'Counting', status: 'False', reason: 'CounterFull' },
      REPORTED_WITHIN_SECONDS,
    );
    assert.match(status!.conditions!.find(({ type }) => type === 'Counting')!.message, /its maximum of 1/);
    await streams.untilReady('first', 5);
    await streams.delete('first');
    await streams.untilReady('second', RECOVERED_WITHIN_SECONDS);
  },
};

export const gpuPool: Scenario = {
  name: 'gpu-pool',
  promise: 'Counters that need a GPU run only on nodes with a free one; a stream beyond them reports that GPUs are lacking.',
  alone: true,
  async run(world) {
    const { streams, configure, cluster, afterwards } = world;
    afterwards(() => setGpus(0, world));
    await setGpus(1, world);
    await configure({
      counter: {
        provider: 'cuda',
        gpu: { resource: GPU, count: 1 },
        extraEnv: [ON_CPU],
        nodeSelector: {},
        streamsPerCounter: 1,
        minimum: 2,
        maximum: 2,
      },
    });
    await world.eventually('one counter has the GPU, the other waits for one', RECOVERED_WITHIN_SECONDS, async () => {
      const pods = await counterPods(world);
      const seen = pods.map((pod) => ({
        node: pod.spec?.nodeName,
        limit: pod.spec?.containers[0]?.resources?.limits?.[GPU],
        ready: isReady(pod),
      }));
      assert.deepEqual(
        seen.toSorted((a, b) => Number(b.ready) - Number(a.ready)),
        [
          { node: cluster.facility, limit: '1', ready: true },
          { node: undefined, limit: '1', ready: false },
        ],
      );
    });
    await streams.create('first');
    await streams.untilReady('first', RECOVERED_WITHIN_SECONDS);
    await streams.create('second');
    const second = await streams.untilCondition(
      'second',
      { type: 'Counting', status: 'False', reason: 'CounterFull' },
      REPORTED_WITHIN_SECONDS,
    );
    assert.match(conditionOf(second, 'Counting')!.message, /Insufficient nvidia\.com\/gpu/);
    await setGpus(2, world);
    await streams.untilReady('second', RECOVERED_WITHIN_SECONDS);
  },
};

/** Sets the GPUs of the facility's node, as a device plugin would. */
async function setGpus(count: number, { kubectl, cluster }: World): Promise<void> {
  const status = { capacity: { [GPU]: String(count) }, allocatable: { [GPU]: String(count) } };
  await kubectl(['patch', 'node', cluster.facility, '--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status })}`]);
}
