/** Faults of a receiver of events: unreachable, also while its counter dies. */
import { appendFile, mkdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { eventsPath } from '../events.ts';
import type { Stage } from '../stage.ts';
import type { Fault } from './fault.ts';

export const receiverFaults: readonly Fault[] = [
  {
    name: 'receiver-away',
    sentence: 'the receiver of events is unreachable for a while; the counter is killed meanwhile, and no event is lost',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(5, 40));
      await whileUnreachable(stage, async () => {
        await stage.untilCounted(stage.progress + random.whole(10, 40));
        await stage.kill('counter', stage.servingCounter().supervisor);
        await stage.untilCounted(stage.progress + random.whole(10, 40));
      });
    },
  },
  {
    name: 'receiver-too-long-away',
    sentence: 'the receiver of events is unreachable for longer than a counter can keep them: the oldest are declared lost',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    losesEvents: 'surely',
    mostWaiting: 3,
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(5, 40));
      await whileUnreachable(stage, async () => {
        await stage.untilCounted(stage.progress + random.whole(60, 80));
      });
    },
  },
];

/** A folder in place of the receiver's file makes the receiver fail. */
async function whileUnreachable(stage: Stage, act: () => Promise<void>): Promise<void> {
  const path = eventsPath(stage.folder, 'counter-1');
  const aside = `${path}.aside`;
  const takeAside = async () => {
    await appendFile(aside, await readFile(path).catch(() => ''));
    await rm(path, { force: true });
  };
  await takeAside();
  while (!(await tryToMake(path))) await takeAside();
  await act();
  await rmdir(path);
  await rename(aside, path);
}

/** False when the counter has made the file first. */
function tryToMake(path: string): Promise<boolean> {
  return mkdir(path).then(
    () => true,
    () => false,
  );
}
