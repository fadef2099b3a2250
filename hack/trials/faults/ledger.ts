/** Faults of an API server as ledger: unavailable, slow, or written to by another client. */
import { isWatch } from '../../machine/proxy.ts';
import { StatusOfServer, type TrialLedger } from '../ledgers.ts';
import type { Stage } from '../stage.ts';
import { whileCounting } from './connection.ts';
import type { Fault } from './fault.ts';
import { atInstants, pauseBetween, untilRefused } from './times.ts';

/** The API server is bad until so many access units are counted. */
const UNITS = 360;

const isWrite = (url: URL): boolean => url.pathname.endsWith('/status');

export const ledgerFaults: readonly Fault[] = [
  {
    name: 'ledger-unavailable',
    sentence: 'the API server does not answer for up to 6 s',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: (stage, random, ledger) =>
      requireHindrance(stage, ledger, () =>
        atInstants(stage, 'file', random, async () => {
          const { proxy } = serverOf(ledger);
          proxy.refuse();
          await pauseBetween(stage, random, 0.5, 6);
          proxy.heal();
        }),
      ),
  },
  {
    name: 'ledger-given-up',
    sentence: 'the API server does not answer for longer than a counter waits: the counter refuses the stream, and takes it again later',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: async (stage, random, ledger) => {
      const { proxy } = serverOf(ledger);
      await stage.untilCounted(random.whole(1, UNITS));
      const { term } = stage;
      proxy.refuse();
      await untilRefused(stage, 'LEDGER_UNAVAILABLE');
      await pauseBetween(stage, random, 0, 5);
      proxy.heal();
      await stage.until(() => stage.term > term);
    },
  },
  {
    name: 'ledger-conflicting',
    sentence: 'another client writes the status ten times a second',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: async (stage, random, ledger) => {
      const isWithoutConflict = () => serverOf(ledger).proxy.conflicts === 0;
      await whileCounting(stage, UNITS, isWithoutConflict, async () => {
        await serverOf(ledger).writeConcurrently(`pod-${random.whole(0, 1e9)}`);
        await pauseBetween(stage, random, 0.05, 0.15);
      });
      if (isWithoutConflict()) stage.unexpected.push('no write of the counter had a conflict');
    },
  },
  {
    name: 'ledger-slow',
    sentence: 'the API server answers up to 0.8 s late; the counter is killed meanwhile',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: (stage, random, ledger) =>
      requireHindrance(stage, ledger, async () => {
        const { proxy } = serverOf(ledger);
        proxy.delay(random.between(0.2, 0.8) * 1000);
        const { term } = stage;
        await atInstants(stage, 'file', random, () => stage.kill('counter', stage.servingCounter().supervisor));
        // The next counter's claim comes late in any case.
        await stage.until(() => stage.term > term);
        proxy.delay(0);
      }),
  },
  {
    name: 'ledger-answer-lost',
    sentence: 'the API server writes the status, and its answer is lost; sometimes the counter is killed, too',
    source: 'file',
    ledger: 'server',
    counters: 1,
    run: (stage, random, ledger) =>
      requireHindrance(stage, ledger, () =>
        atInstants(stage, 'file', random, async () => {
          await Promise.race([serverOf(ledger).proxy.breakNext((url) => !isWatch(url) && isWrite(url), 'lost'), stage.agent.life.ended]);
          if (random.fraction() < 0.5) await stage.kill('counter', stage.servingCounter().supervisor);
        }),
      ),
  },
];

/** An action that affects no request is unexpected. */
async function requireHindrance(stage: Stage, ledger: TrialLedger, act: () => Promise<void>): Promise<void> {
  await act();
  if (serverOf(ledger).proxy.hindered === 0) stage.unexpected.push('no request to the API server was affected');
}

function serverOf(ledger: TrialLedger): StatusOfServer {
  if (!(ledger instanceof StatusOfServer)) throw new Error('This fault needs the ledger of an API server.');
  return ledger;
}
