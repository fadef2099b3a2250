/** What `count` and `demo` are asked for. */
import { fileURLToPath } from 'node:url';
import { ExecutionProvider } from '../counter-service/src/detection/wire.ts';
import { parseOptions } from '../hack/machine/options.ts';

export const HELP = `usage: npm run --silent count -- FILE.yaml... [options]

Counts people on the CameraStreams of the files, on this machine: an edge agent for each stream, one counter.
Ends when every file source has ended, or on Ctrl-C.

  --events FILE       write each crossing as a line of JSON
  --output table|json what to print at the end (default: table)
  --ledger DIRECTORY  keep the counts there and go on from them next time (default: forget them)
  --secrets DIRECTORY camera credentials: NAME/username and NAME/password for each credentialsSecretRef
  --models DIRECTORY  detection models, a folder each (default: those that are shipped)
  --provider NAME     what runs the model: cpu, cuda, tensorrt or webgpu (default: cpu)
  --workers N         inference processes (default: one for each core, one on a GPU)
  --verbose           show the logs of agents and counter
  --quiet             show no progress
  --help              show this

Exit codes: 0 done, 1 failed (a camera could not be reached, a file was cut short), 2 bad input.
`;

export interface CountOptions {
  readonly files: readonly string[];
  readonly events: string | undefined;
  readonly output: 'table' | 'json';
  readonly ledger: string | undefined;
  readonly secrets: string | undefined;
  readonly models: string;
  readonly provider: ExecutionProvider;
  readonly workers: number;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

const SHIPPED_MODELS = fileURLToPath(new URL('../models', import.meta.url));

/** @returns 'help' when that was asked for. @throws Error with one sentence. */
export function readOptions(args: readonly string[]): CountOptions | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  if (positionals.length === 0) throw new Error('Name at least one YAML file with CameraStreams (see --help).');
  return {
    files: positionals,
    events: values.events,
    output: oneOf('--output', values.output, ['table', 'json']),
    ledger: values.ledger,
    secrets: values.secrets,
    models: values.models,
    provider: oneOf('--provider', values.provider, Object.values(ExecutionProvider)),
    workers: wholeNumber('--workers', values.workers),
    verbose: values.verbose,
    quiet: values.quiet,
  };
}

function parse(args: readonly string[]) {
  return parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      events: { type: 'string' },
      output: { type: 'string', default: 'table' },
      ledger: { type: 'string' },
      secrets: { type: 'string' },
      models: { type: 'string', default: SHIPPED_MODELS },
      provider: { type: 'string', default: 'cpu' },
      workers: { type: 'string', default: '0' },
      verbose: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`${option} must be one of ${allowed.join(', ')}, found ${value}.`);
  return found;
}

function wholeNumber(option: string, value: string): number {
  if (!/^\d{1,2}$/.test(value)) throw new Error(`${option} must be a whole number from 0 to 99, found ${value}.`);
  return Number(value);
}
