/** `npm run hostile`: malformed and oversized traffic against a counter that counts legal streams. */
import process from 'node:process';
import { parseOptions, runAsProcess } from '../../local/command.ts';
import { broken, runHostile } from './run.ts';

const HELP = `usage: npm run --silent hostile -- [options]

Malformed and oversized traffic from many connections against a real counter on loopback, while two legal streams count.

  --minutes N   how long (default: 1)
  --help        show this

Exit codes: 0 every promise was kept, 1 one was broken, 2 bad input.
`;

function readMinutes(args: readonly string[]): number {
  const { values } = parseOptions({ args: [...args], options: { minutes: { type: 'string', default: '1' } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new Error(`--minutes must be a number of at most 1440, found ${values.minutes}.`);
  return minutes;
}

await runAsProcess({
  help: HELP,
  readOptions: readMinutes,
  run: async (minutes, signal) => {
    const outcome = await runHostile(minutes * 60, signal);
    const wrong = broken(outcome);
    process.stdout.write(
      `${JSON.stringify(outcome, undefined, 2)}\n${wrong.map((sentence) => `${sentence}\n`).join('') || 'Every promise was kept.\n'}`,
    );
    return wrong.length > 0 ? 1 : 0;
  },
});
