/** `footfall validate`: checks YAML files of CameraStreams, and the models that they name. `footfall count` begins with the same. */
import { lineDoubts } from '#crds/line-doubts.ts';
import { type Fault, formatFault, type Loaded, loadCameraStreams, type LoadedStream } from '#crds/load.ts';
import { loadModel, ModelError } from '../counter-service/src/detection/manifest.ts';
import { BadInput, type Command, oneOf, parseOptions } from './command.ts';
import { SHIPPED_MODELS } from './options.ts';

const HELP = `usage: footfall validate FILE... [options]

Checks YAML files of CameraStreams, and the detection models that they name. Starts nothing, reaches no camera.
Warns of lines that nobody can cross.

  --models DIRECTORY  detection models, a folder each (default: the shipped ones)
  --output text|json  what to print (default: text)
  --help              show this

Exit codes: 0 all are valid, 2 bad input.
`;

export interface ValidateOptions {
  readonly files: readonly string[];
  readonly models: string;
  readonly output: 'text' | 'json';
}

export const validate: Command<ValidateOptions> = {
  help: HELP,
  readOptions: (args) => {
    const { values, positionals } = parseOptions({
      args: [...args],
      allowPositionals: true,
      options: { models: { type: 'string', default: SHIPPED_MODELS }, output: { type: 'string', default: 'text' } },
    });
    if (positionals.length === 0) throw new Error('Name at least one YAML file with CameraStreams (see --help).');
    return { files: positionals, models: values.models, output: oneOf('--output', values.output, ['text', 'json']) };
  },
  run: async ({ files, models, output }, _, { stdout, stderr }) => {
    const { streams, faults, passedOver } = await validateFiles(files, models);
    if (passedOver.length > 0) stderr.write(`${sentencesOf(passedOver)}\n`);
    const warnings = warningsOf(streams);
    if (output === 'json') {
      stdout.write(`${jsonOf(streams, faults, warnings)}\n`);
      return faults.length > 0 ? 2 : 0;
    }
    stderr.write(warningText(warnings));
    if (faults.length > 0) throw new BadInput(sentencesOf(faults));
    stdout.write(`${streams.length === 1 ? '1 CameraStream is' : `${streams.length} CameraStreams are`} valid.\n`);
    return 0;
  },
};

/** Every fault that can be found without starting anything. */
export async function validateFiles(files: readonly string[], models: string): Promise<Loaded> {
  const { streams, faults, passedOver } = loadCameraStreams(files);
  const names = new Set(streams.map(({ stream }) => stream.spec.detection.model));
  const messages = new Map(await Promise.all([...names].map(async (name) => [name, await modelFault(models, name)] as const)));
  const ofModels = streams.flatMap(({ stream, file, document }): Fault[] => {
    const message = messages.get(stream.spec.detection.model);
    return message === undefined ? [] : [{ file, document, path: 'spec.detection.model', message }];
  });
  return { streams, faults: [...faults, ...ofModels], passedOver };
}

/** What is allowed and hardly meant, in the geometry alone. */
export function warningsOf(streams: readonly LoadedStream[]): Fault[] {
  return streams.flatMap(({ stream, file, document }) =>
    lineDoubts(stream.spec.lines).map(({ index, name, message }) => ({
      file,
      document,
      path: `spec.lines[${index}]`,
      message: `(${name}) ${message}`,
    })),
  );
}

export function warningText(warnings: readonly Fault[]): string {
  return warnings.map((warning) => `warning: ${formatFault(warning)}\n`).join('');
}

/** One sentence a line. */
export function sentencesOf(faults: readonly Fault[]): string {
  return faults.map(formatFault).join('\n');
}

/** Reads on after the field's path. */
async function modelFault(directory: string, name: string): Promise<string | undefined> {
  try {
    await loadModel(directory, name);
    return undefined;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return `cannot be used: ${error.message.replace(/\.$/, '')}`;
  }
}

function jsonOf(streams: readonly LoadedStream[], faults: readonly Fault[], warnings: readonly Fault[]): string {
  const withSentence = (fault: Fault) => ({ ...fault, sentence: formatFault(fault) });
  return JSON.stringify({
    valid: faults.length === 0,
    streams: streams.map(({ stream: { metadata }, file, document }) => ({
      name: metadata.name,
      namespace: metadata.namespace,
      file,
      document,
    })),
    faults: faults.map(withSentence),
    warnings: warnings.map(withSentence),
  });
}
