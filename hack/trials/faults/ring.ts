/**
 * A ring that cannot hold what it should, or a camera that is not to be followed late: here access units are lost, and
 * each is declared.
 */
import type { Fault } from './fault.ts';
import { pass } from './times.ts';

export const ringFaults: readonly Fault[] = [
  {
    name: 'ring-overrun',
    sentence: 'a ring of 3 s, and no counter for longer than that',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    bufferSeconds: 3,
    overflows: true,
    run: async (stage, random) => {
      await stage.counted(random.whole(5, 40));
      const { post } = stage.counters[0]!;
      await post.hold();
      await pass(stage, random, 5, 8);
      post.refill();
      await stage.counted(stage.progress + 40);
    },
  },
  {
    name: 'passed-over',
    sentence: 'a counter that stands still, sometimes until it is cut off, and an agent that is to be 1 s late at most',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    maxLagSeconds: 1,
    overflows: true,
    run: async (stage, random) => {
      await stage.counted(random.whole(5, 40));
      const { life } = stage.counters[0]!.post;
      life.signal('SIGSTOP');
      // Longer than the credit that the agent has, which is for six seconds.
      await pass(stage, random, 9, 13);
      life.signal('SIGCONT');
      await stage.counted(stage.progress + 40);
    },
  },
  {
    name: 'disk-full',
    sentence: 'a ring on a disk that is full after some seconds; the agent is killed, too',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    diskBytes: 320 * 1024,
    overflows: true,
    // Where nothing can be mounted the disk only seems to be full, from some write on.
    orders: (_, random) => ({ counter: [], agent: [{ point: 'before block', nth: random.whole(10, 80), act: 'full' }] }),
    run: async (stage, random) => {
      await stage.counted(random.whole(5, 40));
      const { post } = stage.counters[0]!;
      await post.hold();
      await pass(stage, random, 7, 10);
      if (random.fraction() < 0.5) await stage.kill('agent', stage.agent);
      post.refill();
      await stage.counted(stage.progress + 40);
    },
  },
];
