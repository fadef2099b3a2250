/** An API server that is away, slow, or written to by others while it is the ledger. */
import { isWatch } from '../../machine/proxy.ts';
import { StatusOfServer, type TrialLedger } from '../ledgers.ts';
import type { Stage } from '../stage.ts';
import { whileCounting } from './connection.ts';
import type { Fault } from './fault.ts';
import { atInstants, pass, refused } from './times.ts';

/** Up to where the server is bad. */
const UNITS = 360;

const isWrite = (url: URL): boolean => url.pathname.endsWith('/status');

export const ledgerFaults: readonly Fault[] = [
  {
    name: 'ledger-unavailable',
    sentence: 'the API server answers to nobody for up to 6 s',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: (stage, random, ledger) =>
      hindering(stage, ledger, () =>
        atInstants(stage, 'file', random, async () => {
          const { proxy } = server(ledger);
          proxy.refuse();
          await pass(stage, random, 0.5, 6);
          proxy.heal();
        }),
      ),
  },
  {
    name: 'ledger-given-up',
    sentence: 'the API server answers to nobody for longer than a counter waits for it: the stream is refused, and taken again',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: async (stage, random, ledger) => {
      const { proxy } = server(ledger);
      await stage.counted(random.whole(1, UNITS));
      const { term } = stage;
      proxy.refuse();
      await refused(stage, 'LEDGER_UNAVAILABLE');
      await pass(stage, random, 0, 5);
      proxy.heal();
      await stage.until(() => stage.term > term);
    },
  },
  {
    name: 'ledger-conflicting',
    sentence: 'somebody else writes the status ten times a second',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: async (stage, random, ledger) => {
      await whileCounting(stage, UNITS, async () => {
        await server(ledger).writeBetween(`pod-${random.whole(0, 1e9)}`);
        await pass(stage, random, 0.05, 0.15);
      });
      if (server(ledger).proxy.conflicts === 0) stage.surprises.push('no write of the counter had a conflict');
    },
  },
  {
    name: 'ledger-slow',
    sentence: 'each answer of the API server comes up to 0.8 s late; the counter is killed meanwhile',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: (stage, random, ledger) =>
      hindering(stage, ledger, async () => {
        const { proxy } = server(ledger);
        proxy.delay(random.between(0.2, 0.8) * 1000);
        await atInstants(stage, 'file', random, () => stage.kill('counter', stage.serving().post));
        proxy.delay(0);
      }),
  },
  {
    name: 'ledger-answer-lost',
    sentence: 'what was written is there, and the answer that says so is lost; sometimes the counter dies, too',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: (stage, random, ledger) =>
      hindering(stage, ledger, () =>
        atInstants(stage, 'file', random, async () => {
          await Promise.race([server(ledger).proxy.breakNext((url) => !isWatch(url) && isWrite(url), 'lost'), stage.agent.life.ended]);
          if (random.fraction() < 0.5) await stage.kill('counter', stage.serving().post);
        }),
      ),
  },
];

async function hindering(stage: Stage, ledger: TrialLedger, act: () => Promise<void>): Promise<void> {
  await act();
  if (server(ledger).proxy.hindered === 0)
    stage.surprises.push('nobody had asked the API server for anything that could have been hindered');
}

function server(ledger: TrialLedger): StatusOfServer {
  if (!(ledger instanceof StatusOfServer)) throw new Error('This fault is of an API server.');
  return ledger;
}
