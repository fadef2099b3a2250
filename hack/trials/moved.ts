/** How long a stream has no counter when its counter is told to end and another one runs. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderLedger } from './ledgers.ts';
import { Stage } from './stage.ts';
import { notesOf } from './notes.ts';

const MOVES = 10;
const CALM_UNITS = 40;

export interface Scene {
  readonly folder: string;
  readonly signal: AbortSignal;
  /** A line of progress. */
  readonly say: (sentence: string) => void;
}

/** Seconds from each GoAway to the next Welcome, as the agent received them. */
export async function movesOf(url: string, { folder: parent, signal, say }: Scene): Promise<number[]> {
  const folder = await mkdtemp(join(parent, 'moved-'));
  const stage = await Stage.open({
    folder,
    signal,
    models: fileURLToPath(new URL('../../models', import.meta.url)),
    source: url,
    ledger: await folderLedger(folder),
    counters: 2,
    bufferSeconds: 120,
    maxLagSeconds: undefined,
    ring: join(folder, 'ring'),
    orders: { counter: [], agent: [] },
  });
  try {
    for (let move = 1; move <= MOVES; move += 1) {
      say(`killed: a counter is told to end, ${move} of ${MOVES}`);
      await stage.untilCounted(stage.progress + CALM_UNITS);
      const { term } = stage;
      stage.servingCounter().supervisor.life.signal('SIGTERM');
      await stage.until(() => stage.term > term);
    }
    const notes = stage.notes('agent');
    const welcomes = notesOf(notes, 'welcome');
    return notesOf(notes, 'goAway').map(({ at }) => (welcomes.find((welcome) => welcome.at >= at)!.at - at) / 1000);
  } finally {
    await stage.close();
  }
}
