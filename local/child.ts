/** A process of the product as a child: configured by its environment, heard over IPC, never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Where each program begins, below the repository's root, and the variable that holds its configuration. */
const PROGRAMS = {
  counter: { main: 'counter-service/src/main.ts', variable: 'FOOTFALL_COUNTER' },
  agent: { main: 'edge-agent/src/main.ts', variable: 'FOOTFALL_AGENT' },
  operator: { main: 'operator/src/main.ts', variable: 'FOOTFALL_OPERATOR' },
} as const;

/** Lines of log kept to explain why a process died. */
const TAIL_LINES = 20;
const STOP_SECONDS = 15;

/** Programs that run from source start in half the time with compiled code at hand. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url));

export interface ChildOptions {
  readonly program: keyof typeof PROGRAMS;
  readonly config: object;
  /** Beside what it inherits. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Hands it the standard input of this process. */
  readonly input?: boolean;
  /** Modules that it loads before the program. */
  readonly imports?: readonly string[];
  /** Shows what it logs. */
  readonly verbose?: boolean;
  /** A file to which its output is appended; no last words are kept then. */
  readonly log?: string;
  readonly onMessage?: (message: object) => void;
}

/** Those that run: a child that is stopped would not notice that its parent has ended. */
const living = new Set<ChildProcess>();
process.once('exit', () => living.forEach((child) => child.kill('SIGKILL')));

export class Child {
  readonly process: ChildProcess;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  readonly #messages: Record<string, unknown> = {};
  readonly #waiting: (() => void)[] = [];
  readonly #tail: string[] = [];

  constructor(options: ChildOptions) {
    this.process = spawnProgram(options);
    living.add(this.process);
    if (this.process.stderr !== null) {
      createInterface({ input: this.process.stderr }).on('line', (line) => {
        if (options.verbose === true) process.stderr.write(`${line}\n`);
        this.#tail.push(line);
        if (this.#tail.length > TAIL_LINES) this.#tail.shift();
      });
    }
    this.process.on('message', (message: object) => {
      Object.assign(this.#messages, message);
      options.onMessage?.(message);
      for (const wake of this.#waiting) wake();
    });
    this.exited = new Promise((resolve) => {
      this.process.once('close', (code, signal) => {
        living.delete(this.process);
        resolve(code ?? signal ?? 1);
        for (const wake of this.#waiting) wake();
      });
    });
  }

  /** What the process announced under this key. @throws Error with its last words when it ended first. */
  async announced<T>(key: string): Promise<T> {
    while (!this.said(key)) {
      if (this.process.exitCode !== null || this.process.signalCode !== null) throw new Error(this.lastWords());
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#messages[key] as T;
  }

  /** What the process has announced under this key by now. */
  told(key: string): unknown {
    return this.#messages[key];
  }

  /** Whether the process has announced this key. */
  said(key: string): boolean {
    return key in this.#messages;
  }

  /** How the process ended, for a sentence: its last line that was meant for a person, or the signal that killed it. */
  lastWords(): string {
    if (this.process.signalCode !== null) return `it was killed (${this.process.signalCode})`;
    const spoken = this.#tail.findLast((line) => !/^\s*(\{|\(node:|\(Use |at )/.test(line));
    return spoken ?? `it ended with code ${this.process.exitCode}`;
  }

  /** Asks it to end; resolves when it has. */
  async stop(): Promise<void> {
    this.process.kill('SIGTERM');
    const kill = setTimeout(() => this.process.kill('SIGKILL'), STOP_SECONDS * 1000);
    await this.exited;
    clearTimeout(kill);
  }
}

function spawnProgram({ program, config, environment, input = false, imports = [], log }: ChildOptions): ChildProcess {
  const { main, variable } = PROGRAMS[program];
  const path = fileURLToPath(new URL(`../${main}`, import.meta.url));
  const output = log === undefined ? undefined : openSync(log, 'a');
  try {
    return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...imports.flatMap((module) => ['--import', module]), path], {
      env: { ...inheritedEnvironment(), ...environment, [variable]: JSON.stringify(config) },
      stdio: [input ? 'inherit' : 'ignore', output ?? 'ignore', output ?? 'pipe', 'ipc'],
      // A process group of its own: Ctrl-C reaches this process alone, which then stops the children in order.
      detached: true,
    });
  } finally {
    if (output !== undefined) closeSync(output);
  }
}

/** The only variables of this environment that a child gets. */
export function inheritedEnvironment(): Record<string, string> {
  const wanted = ['PATH', 'HOME', 'TMPDIR', 'FFMPEG_PATH', 'FFMPEG_ALLOW_OLD', 'LD_LIBRARY_PATH'];
  return {
    ...Object.fromEntries(wanted.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    NODE_COMPILE_CACHE,
  };
}
