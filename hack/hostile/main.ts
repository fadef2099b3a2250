/** `npm run hostile`: malformed and oversized traffic against a counter that counts legal streams. */
import process from 'node:process';
import { shutdownSignal } from '#proto/process/shutdown.ts';
import { parseOptions } from '../machine/options.ts';
import { broken, runHostile } from './run.ts';

const HELP = `usage: npm run --silent hostile -- [options]

Malformed and oversized traffic from many connections against a real counter on loopback, while two legal streams count.

  --minutes N   how long (default: 1)
  --help        show this

Exit codes: 0 every promise was kept, 1 one was broken, 2 bad input.
`;

function readMinutes(): number | 'help' {
  const { values } = parseOptions({ options: { minutes: { type: 'string', default: '1' }, help: { type: 'boolean', default: false } } });
  if (values.help) return 'help';
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new Error(`--minutes must be a number of at most 1440, found ${values.minutes}.`);
  return minutes;
}

async function main(): Promise<number> {
  let minutes: number | 'help';
  try {
    minutes = readMinutes();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
  if (minutes === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const outcome = await runHostile(minutes * 60, shutdownSignal());
  const wrong = broken(outcome);
  process.stdout.write(
    `${JSON.stringify(outcome, undefined, 2)}\n${wrong.map((sentence) => `${sentence}\n`).join('') || 'Every promise was kept.\n'}`,
  );
  return wrong.length > 0 ? 1 : 0;
}

process.exitCode = await main();
