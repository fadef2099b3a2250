/** A network between agent and counter that breaks. */
import type { Stage } from '../stage.ts';
import type { Fault } from './fault.ts';
import { atInstants, pass } from './times.ts';

/** Up to where the network is bad. */
const UNITS = 400;

export const connectionFaults: readonly Fault[] = [
  {
    name: 'connection-cut',
    sentence: 'the connection is reset, and sometimes refused for a while',
    source: 'file',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) =>
      hindering(stage, () =>
        atInstants(stage, 'file', random, async () => {
          const { link } = stage.serving();
          if (random.fraction() < 0.5) return link.cut();
          link.refuse();
          await pass(stage, random, 0, 2);
          link.heal();
        }),
      ),
  },
  {
    name: 'connection-swallowed',
    sentence: 'nothing comes through any more, without a word; later everything does',
    source: 'file',
    ledger: 'folder',
    counters: 2,
    run: async (stage, random) => {
      await stage.counted(random.whole(1, UNITS));
      const { link } = stage.serving();
      const { term } = stage;
      link.swallow();
      await stage.until(() => stage.term > term);
      await pass(stage, random, 0, 2);
      link.heal();
    },
  },
  {
    name: 'connection-delayed',
    sentence: 'everything comes late, by another time each second',
    source: 'file',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) =>
      hindering(stage, async () => {
        const { link } = stage.serving();
        await whileCounting(stage, UNITS, async () => {
          link.delay(random.pick([0, 50, 200, 800]));
          await pass(stage, random, 0.2, 1);
        });
        link.heal();
      }),
  },
];

async function hindering(stage: Stage, act: () => Promise<void>): Promise<void> {
  await act();
  if (stage.counters.every(({ link }) => link.hindered === 0)) stage.surprises.push('nothing was under way that could have been hindered');
}

/** Acts again and again until so many access units are counted. */
export async function whileCounting(stage: Stage, units: number, act: () => Promise<void>): Promise<void> {
  while (stage.progress < units && !stage.agent.life.over) await act();
}
