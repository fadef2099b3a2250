/** The options of `npm run trials`. */
import { parseOptions, wholeNumber } from '../../local/command.ts';
import { faultNamed, faults, ROUND } from './faults/all.ts';

const MOST = 999_999_999;
const WIDTH = Math.max(...faults.map(({ name }) => name.length));

export const HELP = `usage: npm run --silent trials -- [options]

Plays a film to real agents and counters, kills them, breaks their connections, and compares what they have committed
with what an undisturbed run commits. ${ROUND.length} trials in a row go through every fault and every step of the protocol.

  --seed N        of the first trial; each trial has the next one (default: 1)
  --trials M      how many (default: ${ROUND.length})
  --fault NAME    only this one
  --at-once N     so many at a time (default: 2)
  --json          print JSON
  --keep          keep the folders of trials that went well, too
  --help          show this

Cameras need MediaMTX on the PATH, the API server etcd and kube-apiserver: faults that lack them are left out, unless
FOOTFALL_REQUIRE_RTSP or FOOTFALL_REQUIRE_APISERVER is set.
Exit codes: 0 nothing lost, nothing doubled; 1 something was, or no process was hit at a step of the protocol; 2 bad input.

${faults.map(({ name, sentence }) => `  ${name.padEnd(WIDTH)}  ${sentence}`).join('\n')}
`;

export interface Options {
  readonly seed: number;
  readonly trials: number;
  readonly fault: string | undefined;
  readonly atOnce: number;
  readonly json: boolean;
  readonly keep: boolean;
}

/** @throws Error with one sentence. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseOptions({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      trials: { type: 'string', default: String(ROUND.length) },
      fault: { type: 'string' },
      'at-once': { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  if (values.fault !== undefined) faultNamed(values.fault);
  return {
    seed: wholeNumber('--seed', values.seed, { least: 0, most: MOST }),
    trials: wholeNumber('--trials', values.trials, { least: 1, most: MOST }),
    fault: values.fault,
    atOnce: wholeNumber('--at-once', values['at-once'], { least: 1, most: MOST }),
    json: values.json,
    keep: values.keep,
  };
}
