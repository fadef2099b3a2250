/** The options of `footfall count` and `footfall demo`. */
import { fileURLToPath } from 'node:url';
import { ExecutionProvider } from '../counter-service/src/detection/wire.ts';
import { oneOf, parseOptions, wholeNumber } from './command.ts';

export const OPTIONS_HELP = `  --events FILE        write each crossing as a line of JSON; begun anew, except with --ledger
  --output table|json  what to print at the end (default: table)
  --ledger DIRECTORY   keep the counts there and continue from them next time (default: forget them)
  --secrets DIRECTORY  camera credentials: NAME/username and NAME/password for each credentialsSecretRef
  --models DIRECTORY   detection models, a folder each (default: the shipped ones)
  --provider NAME      what runs the model: cpu, cuda, tensorrt or webgpu (default: cpu)
  --workers N          inference processes (default: one for each core, one on a GPU)
  --allow-old-ffmpeg   accept this machine's ffmpeg below 5.1; for cameras 5.0, which has known faults with RTSP
  --verbose            show the logs of agents and counter
  --quiet              show no progress
  --help               show this
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
  readonly allowOldFfmpeg: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

export const SHIPPED_MODELS = fileURLToPath(new URL('../models', import.meta.url));

/** @throws Error with one sentence. */
export function readOptions(args: readonly string[]): CountOptions {
  const { values, positionals } = parse(args);
  if (positionals.length === 0) throw new Error('Name at least one YAML file with CameraStreams (see --help).');
  return {
    files: positionals,
    events: values.events,
    output: oneOf('--output', values.output, ['table', 'json']),
    ledger: values.ledger,
    secrets: values.secrets,
    models: values.models,
    provider: oneOf('--provider', values.provider, Object.values(ExecutionProvider)),
    workers: wholeNumber('--workers', values.workers, { least: 0, most: 99 }),
    allowOldFfmpeg: values['allow-old-ffmpeg'],
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
      'allow-old-ffmpeg': { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
    },
  });
}
