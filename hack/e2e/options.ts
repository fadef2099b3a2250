/** The options of `npm run e2e`. */
import { randomInt } from 'node:crypto';
import { parseOptions, wholeNumber } from '../../local/command.ts';

const SEEDS = 999_999;

export interface Options {
  readonly cluster: string;
  readonly keep: boolean;
  /** Names of scenarios; none named, all; `none`, none. */
  readonly only: readonly string[];
  /** How long random-kills kills, and its seed. */
  readonly minutes: number;
  readonly seed: number;
}

export function help(scenarios: readonly { readonly name: string; readonly promise: string }[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return `usage: npm run --silent e2e -- [options]

Runs Footfall in a real Kubernetes cluster (kind) and checks its promises. Needs docker, kind,
kubectl and helm.

  --only NAME...   only these scenarios; \`none\`: bring everything up and run nothing
  --keep           keep the cluster (one that existed before is always kept)
  --cluster NAME   the kind cluster, created if it does not exist (default: footfall-e2e)
  --minutes N      how long random-kills kills (default: 3)
  --seed N         of what it kills, and when; it prints its seed, so that a run can be repeated (default: a new one)
  --help           show this

Environment: KIND_NODE_IMAGE and KIND_CONFIG, for machines that need their own.
What failed leaves logs and resources in e2e-report/; summary.json is there in any case.
Exit codes: 0 all promises kept, 1 one was broken, 2 bad input or something missing.

${scenarios.map(({ name, promise }) => `  ${name.padEnd(width)}  ${promise}`).join('\n')}
`;
}

/** @throws Error with one sentence. */
export function readOptions(args: readonly string[], scenarios: readonly string[]): Options {
  const { values, positionals } = parse(args);
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
    minutes: wholeNumber('--minutes', values.minutes, { least: 0, most: 60 }),
    seed: wholeNumber('--seed', values.seed, { least: 0, most: SEEDS }),
  };
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
    },
  });
}
