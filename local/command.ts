/** A command of the terminal: options in; out come text, one sentence for each thing that is wrong, and an exit code. */
import process from 'node:process';
import type { WriteStream } from 'node:tty';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { shutdownSignal } from '#proto/process/shutdown.ts';
import { watchOutput } from './output.ts';

/** 0 done, 1 failed, 2 bad input. */
export type ExitCode = 0 | 1 | 2;

export type Screen = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

export interface Terminal {
  readonly stdout: Pick<WriteStream, 'write'>;
  readonly stderr: Screen;
}

export interface Command<Options> {
  readonly help: string;
  /** @throws Error with one sentence: bad input. */
  readonly readOptions: (args: readonly string[]) => Options | Promise<Options>;
  /** @throws Error with one sentence: failed, or BadInput. */
  readonly run: (options: Options, signal: AbortSignal, terminal: Terminal) => Promise<ExitCode>;
}

/** What the user has to correct: a sentence a line. */
export class BadInput extends Error {
  override readonly name = 'BadInput';
}

export async function runCommand<Options>(
  { help, readOptions, run }: Command<Options>,
  args: readonly string[],
  signal: AbortSignal,
  terminal: Terminal = process,
): Promise<ExitCode> {
  if (args.includes('--help')) {
    terminal.stdout.write(help);
    return 0;
  }
  const fail = (error: unknown, code: ExitCode): ExitCode => {
    terminal.stderr.write(`${(error as Error).message}\n`);
    return code;
  };
  let options: Options;
  try {
    options = await readOptions(args);
  } catch (error) {
    return fail(error, 2);
  }
  return run(options, signal, terminal).catch((error: unknown) => fail(error, error instanceof BadInput ? 2 : 1));
}

/** Runs it as this process, with its arguments. */
export async function runAsProcess<Options>(command: Command<Options>): Promise<void> {
  process.exitCode = await runCommand(command, process.argv.slice(2), processSignal());
}

/** Aborted when a signal comes, or when the results of this process have no reader any more. */
export function processSignal(): AbortSignal {
  return AbortSignal.any([shutdownSignal(), watchOutput()]);
}

/** As `parseArgs`. @throws Error with one sentence. */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new Error(`${(error as Error).message.split('. ')[0]!} (see --help).`, { cause: error });
  }
}

export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** @param option as the user writes it. @throws Error with one sentence. */
export function wholeNumber(option: string, value: string, { least, most }: Bounds): number {
  if (!/^\d{1,10}$/.test(value) || Number(value) < least || Number(value) > most)
    throw new Error(`${option} must be a whole number from ${least} to ${most}, found ${value}.`);
  return Number(value);
}

/** @throws Error with one sentence. */
export function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`${option} must be one of ${allowed.join(', ')}, found ${value}.`);
  return found;
}
