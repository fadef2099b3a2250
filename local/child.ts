/** A process of the product as a child: configured by its environment, heard over IPC, never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Lines of log kept to explain a process that died without a word. */
const TAIL_LINES = 20;

/** Programs run from source start in half the time once Node.js has kept what it made of it. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url));

export interface ChildOptions {
  /** Below the repository's root. */
  readonly main: string;
  readonly variable: string;
  readonly config: object;
  readonly verbose: boolean;
}

export class Child {
  readonly process: ChildProcess;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  readonly #messages: Record<string, unknown> = {};
  readonly #waiting: (() => void)[] = [];
  readonly #tail: string[] = [];

  constructor({ main, variable, config, verbose }: ChildOptions) {
    const path = fileURLToPath(new URL(`../${main}`, import.meta.url));
    this.process = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path], {
      env: { ...inheritedEnvironment(), [variable]: JSON.stringify(config) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // A group of its own: Ctrl-C reaches us alone, so that we can end things in order.
      detached: true,
    });
    createInterface({ input: this.process.stderr! }).on('line', (line) => {
      if (verbose) process.stderr.write(`${line}\n`);
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    });
    this.process.on('message', (message: object) => {
      Object.assign(this.#messages, message);
      for (const wake of this.#waiting) wake();
    });
    this.exited = new Promise((resolve) => {
      this.process.once('close', (code, signal) => {
        resolve(code ?? signal ?? 1);
        for (const wake of this.#waiting) wake();
      });
    });
  }

  /** What it announced under this key. @throws Error with its last words when it ended first. */
  async announced<T>(key: string): Promise<T> {
    while (!this.said(key)) {
      if (this.process.exitCode !== null || this.process.signalCode !== null) throw new Error(this.lastWords());
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#messages[key] as T;
  }

  /** What it has announced under this key by now. */
  told<T>(key: string): T | undefined {
    return this.#messages[key] as T | undefined;
  }

  /** Whether it has announced this key. */
  said(key: string): boolean {
    return key in this.#messages;
  }

  /** How it ended, for a sentence: its last line that was meant for a person, or the signal that killed it. */
  lastWords(): string {
    if (this.process.signalCode !== null) return `it was killed (${this.process.signalCode})`;
    const spoken = this.#tail.findLast((line) => !/^\s*(\{|\(node:|\(Use |at )/.test(line));
    return spoken ?? `it ended with code ${this.process.exitCode}`;
  }

  /** Asks it to end; resolves when it has. */
  async stop(): Promise<void> {
    this.process.kill('SIGTERM');
    const kill = setTimeout(() => this.process.kill('SIGKILL'), 15_000);
    await this.exited;
    clearTimeout(kill);
  }
}

/** What a process needs of ours; nothing else of this environment is its business. */
export function inheritedEnvironment(): Record<string, string> {
  const wanted = ['PATH', 'HOME', 'TMPDIR', 'FFMPEG_PATH', 'LD_LIBRARY_PATH'];
  return {
    ...Object.fromEntries(wanted.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    NODE_COMPILE_CACHE,
  };
}
