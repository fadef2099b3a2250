/** The counter pool at its limits: none, full, and as many as there are GPUs. */
import assert from 'node:assert/strict';
import { counterPods, isReady, whenPoolHas } from '../counters.ts';
import type { Scenario, World } from '../scenario.ts';
import { conditionOf } from '../streams.ts';

const SAID_WITHIN_SECONDS = 15;
const HEALED_WITHIN_SECONDS = 60;
const GPU = 'nvidia.com/gpu';
/** Nobody here has the GPU that the pods ask for: just before it begins, the counter is told to count on the CPU. */
const tell = 'process.env.FOOTFALL_COUNTER = process.env.FOOTFALL_COUNTER?.replace(\'"cuda"\', \'"cpu"\')';
const ON_CPU = { name: 'NODE_OPTIONS', value: `--import=data:text/javascript,${encodeURIComponent(tell)}` };

export const noCounter: Scenario = {
  name: 'no-counter',
  promise: 'With the pool at nought the streams say CounterUnavailable; with counters again they go on.',
  alone: true,
  async run(world) {
    const { streams, configure } = world;
    await streams.create('door');
    await streams.whenReady('door', HEALED_WITHIN_SECONDS);
    await configure({ counter: { minimum: 0, maximum: 0 } });
    await whenPoolHas(0, HEALED_WITHIN_SECONDS, world);
    await streams.whenCondition('door', { type: 'Counting', status: 'False', reason: 'CounterUnavailable' }, SAID_WITHIN_SECONDS);
    await configure({});
    await streams.whenReady('door', HEALED_WITHIN_SECONDS);
  },
};

export const countersFull: Scenario = {
  name: 'counters-full',
  promise: 'A stream for which there is no room is CounterFull, and is counted as soon as there is.',
  alone: true,
  async run(world) {
    const { streams, configure } = world;
    await configure({ counter: { streamsPerCounter: 1, minimum: 1, maximum: 1 } });
    await whenPoolHas(1, HEALED_WITHIN_SECONDS, world);
    await streams.create('first');
    await streams.whenReady('first', HEALED_WITHIN_SECONDS);
    await streams.create('second');
    const { status } = await streams.whenCondition(
      'second',
      { type: 'Counting', status: 'False', reason: 'CounterFull' },
      SAID_WITHIN_SECONDS,
    );
    assert.match(status!.conditions!.find(({ type }) => type === 'Counting')!.message, /its maximum of 1/);
    await streams.whenReady('first', 5);
    await streams.delete('first');
    await streams.whenReady('second', HEALED_WITHIN_SECONDS);
  },
};

export const gpuPool: Scenario = {
  name: 'gpu-pool',
  promise: 'Counters that need a GPU go where one is free, and nowhere else; a stream beyond them is told that there is none.',
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
    await world.eventually('one counter has the GPU, the other waits for one', HEALED_WITHIN_SECONDS, async () => {
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
    await streams.whenReady('first', HEALED_WITHIN_SECONDS);
    await streams.create('second');
    const second = await streams.whenCondition('second', { type: 'Counting', status: 'False', reason: 'CounterFull' }, SAID_WITHIN_SECONDS);
    assert.match(conditionOf(second, 'Counting')!.message, /Insufficient nvidia\.com\/gpu/);
    await setGpus(2, world);
    await streams.whenReady('second', HEALED_WITHIN_SECONDS);
  },
};

/** As a device plugin would tell the kubelet: the facility's node has so many. */
async function setGpus(count: number, { kubectl, cluster }: World): Promise<void> {
  const status = { capacity: { [GPU]: String(count) }, allocatable: { [GPU]: String(count) } };
  await kubectl(['patch', 'node', cluster.facility, '--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status })}`]);
}
