/** What `trials` is asked for. */
import { parseOptions } from '../machine/options.ts';
import { faultNamed, faults, ROUND } from './faults/all.ts';

const WIDTH = Math.max(...faults.map(({ name }) => name.length));

export const HELP = `usage: npm run --silent trials -- [options]

Plays a film to real agents and counters, kills them and breaks what is between them, and compares what they have
committed with what an undisturbed run commits. ${ROUND.length} trials in a row go through every fault and every step of the protocol.

  --seed N        the first trial's; each trial has the next one (default: 1)
  --trials M      how many (default: ${ROUND.length})
  --fault NAME    only this one
  --at-once N     so many at a time (default: 2)
  --json          what came out, for machines
  --keep          keep the folders of trials that went well, too
  --help          show this

Cameras need MediaMTX on the PATH, the API server etcd and kube-apiserver: faults that lack them are left out, unless
FOOTFALL_REQUIRE_RTSP or FOOTFALL_REQUIRE_APISERVER is set.
Exit codes: 0 nothing lost, nothing doubled; 1 something was, or at a step of the protocol nobody was hit; 2 bad input.

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

/** @returns 'help' when that was asked for. @throws Error with one sentence. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseOptions({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      trials: { type: 'string', default: String(ROUND.length) },
      fault: { type: 'string' },
      'at-once': { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.fault !== undefined) faultNamed(values.fault);
  return {
    seed: wholeNumber('--seed', values.seed, 0),
    trials: wholeNumber('--trials', values.trials, 1),
    fault: values.fault,
    atOnce: wholeNumber('--at-once', values['at-once'], 1),
    json: values.json,
    keep: values.keep,
  };
}

function wholeNumber(option: string, value: string, least: number): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) < least)
    throw new Error(`${option} must be a whole number from ${least} to 999999999, found ${value}.`);
  return Number(value);
}
