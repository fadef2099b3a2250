/** What a release is asked for. */
import { resolve } from 'node:path';
import { oneOf, parseOptions } from '../../local/command.ts';
import { isVersion } from './version.ts';

export const Phase = { prepare: 'prepare', publish: 'publish' } as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

export interface Options {
  readonly version: string;
  readonly phases: readonly Phase[];
  readonly dryRun: boolean;
  /** Where artifacts go. */
  readonly directory: string;
  readonly output: 'text' | 'json';
}

export const HELP = `usage: npm run --silent release -- --version X.Y.Z prepare|publish [options]
       npm run --silent release -- --version X.Y.Z --dry-run

  prepare            cuts CHANGELOG.md, and writes the version into the files that carry it;
                     you look at the changes, commit them and push the tag vX.Y.Z
  publish            from that tag: chart package, SBOM, checksums and notes into a folder; images
                     for amd64 and arm64, and the chart, into the registry (.github/workflows/release.yml)

  --dry-run          changes no file and pushes nothing: both phases, or the named one, on a copy of
                     the last commit. Shows the commands that push, and does whatever else can be done here
  --directory PATH   where artifacts go (default: dist/release)
  --output text|json how it reports (default: text)
  --help             show this

Needs git and npm; to publish, also docker buildx and helm (on the PATH or in FOOTFALL_HELM), logged in.
Exit codes: 0 done, 1 failed, 2 bad input.
`;

/** @throws Error with one sentence. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  if (values.version === undefined) throw new Error('Name the version, as in --version 1.2.3 (see --help).');
  if (!isVersion(values.version)) throw new Error(`--version must be such as 1.2.3, found ${values.version}.`);
  return {
    version: values.version,
    phases: phasesOf(positionals, values['dry-run']),
    dryRun: values['dry-run'],
    directory: resolve(values.directory),
    output: oneOf('--output', values.output, ['text', 'json']),
  };
}

/** Only a dry run goes through both: between them a person looks at the changes and tags them. */
function phasesOf(words: readonly string[], dryRun: boolean): readonly Phase[] {
  if (words.length === 0 && dryRun) return [Phase.prepare, Phase.publish];
  const phase = Object.values(Phase).find((each) => each === words[0]);
  if (words.length !== 1 || phase === undefined)
    throw new Error('Name prepare or publish, or --dry-run for a rehearsal of both (see --help).');
  return [phase];
}

function parse(args: readonly string[]) {
  return parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      version: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      directory: { type: 'string', default: 'dist/release' },
      output: { type: 'string', default: 'text' },
    },
  });
}
