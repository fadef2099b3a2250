/** What the end-to-end tests are asked for. */
import { randomInt } from 'node:crypto';
import { parseOptions } from '../machine/options.ts';

const SEEDS = 999_999;

export interface Options {
  readonly cluster: string;
  readonly keep: boolean;
  /** Names of scenarios; none named, all; `none`, none. */
  readonly only: readonly string[];
  /** How long there is killing at random, and by which seed. */
  readonly minutes: number;
  readonly seed: number;
}

export function help(scenarios: readonly { readonly name: string; readonly promise: string }[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return `usage: npm run --silent e2e -- [options]

Runs Footfall in a real Kubernetes cluster (kind) and checks what it promises. Needs docker, kind,
kubectl and helm.

  --only NAME...   only these scenarios; \`none\`: bring everything up and run nothing
  --keep           leave the cluster (one that was there before is always left)
  --cluster NAME   the kind cluster, made if it is not there (default: footfall-e2e)
  --minutes N      how long random-kills kills (default: 3)
  --seed N         what it kills, and when; it tells its own, so that this can be done again (default: another one each time)
  --help           show this

Environment: KIND_NODE_IMAGE and KIND_CONFIG, for machines that need their own.
What failed leaves logs and resources in e2e-report/; summary.json is there in any case.
Exit codes: 0 all promises kept, 1 one was broken, 2 bad input or something missing.

${scenarios.map(({ name, promise }) => `  ${name.padEnd(width)}  ${promise}`).join('\n')}
`;
}

/** @returns 'help' when that was asked for. @throws Error with one sentence. */
export function readOptions(args: readonly string[], scenarios: readonly string[]): Options | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  if (positionals.length > 0 && values.only === undefined) throw new Error(`${positionals[0]} is no option (see --help).`);
  if (!/^[a-z0-9][a-z0-9.-]{0,49}$/.test(values.cluster))
    throw new Error(`--cluster must be a name of lower-case letters, digits and dashes, found ${values.cluster}.`);
  const only = [...(values.only ?? []), ...positionals];
  const unknown = only.find((name) => name !== 'none' && !scenarios.includes(name));
  if (unknown !== undefined) throw new Error(`There is no scenario ${unknown}; there are ${scenarios.join(', ')}.`);
  return {
    cluster: values.cluster,
    keep: values.keep,
    only,
    minutes: wholeNumber('minutes', values.minutes, 60),
    seed: wholeNumber('seed', values.seed, SEEDS),
  };
}

function wholeNumber(option: string, value: string, most: number): number {
  if (!/^[0-9]{1,10}$/.test(value) || Number(value) > most)
    throw new Error(`--${option} must be a whole number up to ${most}, found ${value}.`);
  return Number(value);
}

function parse(args: readonly string[]) {
  return parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string', multiple: true },
      keep: { type: 'boolean', default: false },
      cluster: { type: 'string', default: 'footfall-e2e' },
      minutes: { type: 'string', default: '3' },
      seed: { type: 'string', default: String(randomInt(SEEDS)) },
      help: { type: 'boolean', default: false },
    },
  });
}
