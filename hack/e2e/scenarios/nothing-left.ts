/** Deleted streams leave nothing behind in the counters. */
import assert from 'node:assert/strict';
import { counterPods, decodersOf, seriesOf } from '../counters.ts';
import type { Scenario } from '../scenario.ts';

export const nothingLeft: Scenario = {
  name: 'nothing-left',
  promise: 'When the last streams are deleted with their namespace, the counters keep no decoder and no metrics of them.',
  alone: true,
  async run(world) {
    const { streams, kubectl, namespace, eventually } = world;
    const names = ['door-1', 'door-2', 'door-3'];
    await Promise.all(names.map((name) => streams.create(name)));
    await Promise.all(names.map((name) => streams.untilReady(name, 60)));
    const pods = await counterPods(world);
    const counters = pods.map(({ metadata }) => metadata!.name!);
    const look = async () => ({
      decoders: (await Promise.all(pods.map((pod) => decodersOf(pod, world)))).flat().length,
      series: (await Promise.all(counters.map((pod) => seriesOf(namespace, pod, world)))).flat().length > 0,
    });
    await eventually('each stream has a decoder and metrics', 15, async () =>
      assert.deepEqual(await look(), { decoders: 3, series: true }),
    );
    await kubectl(['delete', 'namespace', namespace, '--timeout=90s'], 100);
    await eventually('the counters have no decoder and no metrics of them', 15, async () =>
      assert.deepEqual(await look(), { decoders: 0, series: false }),
    );
    assert.deepEqual(
      (await counterPods(world)).map(({ metadata }) => metadata!.name!),
      counters,
      'the counters live on',
    );
  },
};
