/** The command line: `footfall demo`, `footfall count`, `footfall validate`. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { type Command, type ExitCode, processSignal, runCommand, type Terminal } from './command.ts';
import { count } from './count.ts';
import { demo } from './demo.ts';
import { validate } from './validate.ts';

const HELP = `usage: footfall COMMAND [options]

Counts people on video files and cameras, on this machine.

  demo              count the people of a sample clip
  count FILE...     count people on the CameraStreams of YAML files
  validate FILE...  check YAML files, and start nothing

  --help            show this, or the help of a command: footfall count --help
  --version         show the version

Exit codes: 0 done, 1 failed, 2 bad input.
`;

const COMMANDS = { demo, count, validate } as const;

export async function footfall(args: readonly string[], signal: AbortSignal, terminal: Terminal = process): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === '--help') {
    terminal.stdout.write(HELP);
    return 0;
  }
  if (name === '--version') {
    terminal.stdout.write(`${versionOf(new URL('../package.json', import.meta.url))}\n`);
    return 0;
  }
  const command = Object.entries(COMMANDS).find(([known]) => known === name)?.[1] as Command<unknown> | undefined;
  if (command !== undefined) return runCommand(command, rest, signal, terminal);
  terminal.stderr.write(`${whatIsMissing(name)} (see --help).\n`);
  return 2;
}

function whatIsMissing(name: string | undefined): string {
  const known = Object.keys(COMMANDS).join(', ');
  if (name === undefined) return `Name a command: ${known}`;
  return name.startsWith('-') ? `Unknown option '${name}'` : `There is no command ${name}; there are ${known}`;
}

function versionOf(packageFile: URL): string {
  return (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
}

if (import.meta.main) process.exitCode = await footfall(process.argv.slice(2), processSignal());
