/** Faults of the network between agent and counter. */
import type { Stage } from '../stage.ts';
import type { Fault } from './fault.ts';
import { atInstants, pauseBetween } from './times.ts';

/** The network is bad until so many access units are counted. */
const UNITS = 400;

export const connectionFaults: readonly Fault[] = [
  {
    name: 'connection-cut',
    sentence: 'the connection is reset, and sometimes refused for a while',
    source: 'file',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) =>
      requireHindrance(stage, () =>
        atInstants(stage, 'file', random, async () => {
          const { link } = stage.servingCounter();
          if (random.fraction() < 0.5) return link.cut();
          link.refuse();
          await pauseBetween(stage, random, 0, 2);
          link.heal();
        }),
      ),
  },
  {
    name: 'connection-swallowed',
    sentence: 'the connection silently delivers nothing; later it delivers everything',
    source: 'file',
    ledger: 'folder',
    counters: 2,
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(1, UNITS));
      const { link } = stage.servingCounter();
      const { term } = stage;
      link.swallow();
      await stage.until(() => stage.term > term);
      await pauseBetween(stage, random, 0, 2);
      link.heal();
    },
  },
  {
    name: 'connection-delayed',
    sentence: 'the connection delays everything, by another time each second',
    source: 'file',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) =>
      requireHindrance(stage, async () => {
        const { link } = stage.servingCounter();
        const isUnhindered = () => link.hindered === 0;
        await whileCounting(stage, UNITS, isUnhindered, async () => {
          link.delay(random.pick([0, 50, 200, 800]));
          await pauseBetween(stage, random, 0.2, 1);
        });
        link.heal();
      }),
  },
];

/** An action that affects no traffic is unexpected. */
async function requireHindrance(stage: Stage, act: () => Promise<void>): Promise<void> {
  await act();
  if (stage.counters.every(({ link }) => link.hindered === 0)) stage.unexpected.push('no traffic was affected');
}

/** Acts again and again until so many access units are counted, and until it had an effect. */
export async function whileCounting(stage: Stage, units: number, isInVain: () => boolean, act: () => Promise<void>): Promise<void> {
  while ((stage.progress < units || isInVain()) && !stage.agent.life.over) await act();
}
