/** Runs docker, kind, kubectl and helm to their end, within a time limit. A failure contains the end of their output. */
import { spawn, spawnSync } from 'node:child_process';
import process from 'node:process';

export interface CommandOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly seconds?: number;
  /** Where it runs; otherwise where this process does. */
  readonly folder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const LAST_WORDS = 2000;

/** @returns the program's stdout. @throws Error with a sentence when it fails, is stopped, or takes longer than `seconds` (120). */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { input = '', environment, seconds = 120, folder, signal } = options;
  const late = AbortSignal.timeout(seconds * 1000);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...environment },
      cwd: folder,
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
    let [said, complained] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complained = (complained + text).slice(-LAST_WORDS)));
    // A program may close its input without reading it.
    child.stdin.on('error', () => {}).end(input);
    const fail = (how: string) =>
      reject(
        new Error(
          `${[program, ...args].join(' ').slice(0, 300)} ${how}.${complained === '' ? said.slice(-LAST_WORDS) : ` ${complained.trim()}`}`,
        ),
      );
    child.once('error', (error) => fail(late.aborted ? `took longer than ${seconds} s` : `failed: ${error.message}`));
    child.once('close', (code) => (code === 0 ? resolve(said) : fail(`ended with exit code ${code}`)));
  });
}

/** @throws Error with one sentence that names what is missing. */
export function requirePrograms(): void {
  const missing = ['docker', 'kind', 'kubectl', 'helm'].filter(
    (program) => spawnSync(program, ['--help'], { stdio: 'ignore' }).error !== undefined,
  );
  if (missing.length > 0)
    throw new Error(
      `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing: ` +
        'the end-to-end tests need docker, kind, kubectl and helm on the PATH.',
    );
  if (spawnSync('docker', ['info'], { stdio: 'ignore' }).status !== 0)
    throw new Error('docker does not answer: is its daemon running, and may this user talk to it?');
}
