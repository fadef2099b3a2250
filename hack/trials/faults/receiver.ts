/** A receiver of events that is away, or dies with its counter. */
import { appendFile, mkdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { eventsPath } from '../events.ts';
import type { Stage } from '../stage.ts';
import type { Fault } from './fault.ts';

export const receiverFaults: readonly Fault[] = [
  {
    name: 'receiver-away',
    sentence: 'the receiver of events is away for a while; the counter is killed meanwhile, and nothing is lost',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    run: async (stage, random) => {
      await stage.counted(random.whole(5, 40));
      await whileAway(stage, async () => {
        await stage.counted(stage.progress + random.whole(10, 40));
        await stage.kill('counter', stage.serving().post);
        await stage.counted(stage.progress + random.whole(10, 40));
      });
    },
  },
  {
    name: 'receiver-too-long-away',
    sentence: 'the receiver of events is away for longer than they can wait: the oldest are declared lost',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    losesEvents: 'surely',
    mostWaiting: 3,
    run: async (stage, random) => {
      await stage.counted(random.whole(5, 40));
      await whileAway(stage, async () => {
        await stage.counted(stage.progress + random.whole(60, 80));
      });
    },
  },
];

/** As long as a folder is in its place, the file cannot be opened. */
async function whileAway(stage: Stage, act: () => Promise<void>): Promise<void> {
  const path = eventsPath(stage.folder, 'counter-1');
  const aside = `${path}.aside`;
  const takeAside = async () => {
    await appendFile(aside, await readFile(path).catch(() => ''));
    await rm(path, { force: true });
  };
  await takeAside();
  while (!(await isMade(path))) await takeAside();
  await act();
  await rmdir(path);
  await rename(aside, path);
}

/** Not when the counter was faster. */
function isMade(path: string): Promise<boolean> {
  return mkdir(path).then(
    () => true,
    () => false,
  );
}
