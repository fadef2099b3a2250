/** Faults in which the agent must lose access units, and declare each: a ring that is too small, or a limit on its lag. */
import type { Fault } from './fault.ts';
import { pauseBetween } from './times.ts';

export const ringFaults: readonly Fault[] = [
  {
    name: 'ring-overrun',
    sentence: 'a ring of 3 s, and no counter for a longer time',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    bufferSeconds: 3,
    overflows: true,
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(5, 40));
      const { supervisor } = stage.counters[0]!;
      await supervisor.suspend();
      await pauseBetween(stage, random, 5, 8);
      supervisor.resume();
      await stage.untilCounted(stage.progress + 40);
    },
  },
  {
    name: 'passed-over',
    sentence: 'SIGSTOP of the counter, sometimes until the agent gives it up; the agent may be 1 s late at most',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    maxLagSeconds: 1,
    overflows: true,
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(5, 40));
      const { life } = stage.counters[0]!.supervisor;
      life.signal('SIGSTOP');
      // Longer than the agent's credit of six seconds lasts.
      await pauseBetween(stage, random, 9, 13);
      life.signal('SIGCONT');
      await stage.untilCounted(stage.progress + 40);
    },
  },
  {
    name: 'disk-full',
    sentence: 'a ring on a disk that is full after some seconds; sometimes the agent is killed, too',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    diskBytes: 320 * 1024,
    overflows: true,
    // Where this process may not mount a disk, writes fail from some write on instead.
    orders: (_, random) => ({ counter: [], agent: [{ point: 'before block', nth: random.whole(10, 80), act: 'full' }] }),
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(5, 40));
      const { supervisor } = stage.counters[0]!;
      await supervisor.suspend();
      await pauseBetween(stage, random, 7, 10);
      if (random.fraction() < 0.5) await stage.kill('agent', stage.agent);
      supervisor.resume();
      await stage.untilCounted(stage.progress + 40);
    },
  },
];
