/** Processes that are killed without warning: no count is lost or doubled, and unobserved time is declared as a gap. */
import assert from 'node:assert/strict';
import { createCounting } from '../counted.ts';
import { counterPods } from '../counters.ts';
import { killContainer } from '../kills.ts';
import type { Scenario } from '../scenario.ts';

const RECOVERED_WITHIN_SECONDS = 45;

export const counterKilled: Scenario = {
  name: 'counter-killed',
  promise: 'When a counter is killed, another one continues its streams without a gap, because agents keep the video.',
  alone: true,
  async run(world) {
    const { streams, note } = world;
    await createCounting('door', world);
    const { status: before } = await streams.get('door');
    const pod = (await counterPods(world)).find(({ metadata }) => metadata?.name === before!.stream!.counter)!;
    await killContainer(pod, world);
    const began = performance.now();
    const { counts } = await world.eventually('a counter with a later term continues', RECOVERED_WITHIN_SECONDS, async () => {
      const { status } = await streams.get('door');
      assert.ok(
        status!.counts!.term > before!.counts!.term && status!.stream!.state === 'Counting',
        `term ${status!.counts!.term}, ${status!.stream!.state}`,
      );
      return status!;
    });
    note(`after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    assert.ok(counts!.in >= before!.counts!.in && counts!.out >= before!.counts!.out, 'the totals stay');
    assert.deepEqual([counts!.session, counts!.gaps.count], [before!.counts!.session, before!.counts!.gaps.count]);
  },
};

export const agentKilled: Scenario = {
  name: 'agent-killed',
  promise: "When an agent's container is killed, the next one continues the session: it loses no access unit and declares the lost time.",
  alone: true,
  async run(world) {
    const { streams, note } = world;
    await createCounting('door', world);
    const { status: before } = await streams.get('door');
    const [pod] = await streams.agentPods('door');
    await killContainer(pod!, world);
    const began = performance.now();
    const { counts } = await world.eventually('the next container declares the interruption', RECOVERED_WITHIN_SECONDS, async () => {
      const { status } = await streams.get('door');
      assert.ok(status!.counts!.gaps.count > before!.counts!.gaps.count, `${status!.counts!.gaps.count} gaps, ${status!.stream!.state}`);
      return status!;
    });
    note(`after ${((performance.now() - began) / 1000).toFixed(1)} s, ${counts!.gaps.seconds} s declared`);
    assert.equal(counts!.session, before!.counts!.session, 'it is the same session');
    assert.deepEqual([counts!.gaps.last?.reason, counts!.gaps.last?.accessUnits], ['CameraLost', 0]);
    assert.ok(counts!.in >= before!.counts!.in && counts!.position > before!.counts!.position, 'the totals stay, and the position rises');
    assert.equal((await streams.agentPods('door'))[0]?.metadata?.uid, pod!.metadata!.uid, 'the pod is the same');
    await streams.untilReady('door', RECOVERED_WITHIN_SECONDS);
  },
};
