import { spawn, type ChildProcess } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { AnswerReader, encode, WORKER_PIPE, type Answer, type Request } from './wire.ts';

/** The process ended, by itself or by a signal. */
export class WorkerDied extends Error {
  override name = 'WorkerDied';
}

interface OpenQuestion {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/**
 * The parent's side of one worker process: ask, get the answer, close.
 *
 *   running ──close()──▶ closing ──end of process──▶ ended      (running ──death──▶ ended)
 *
 * In `running` at most one question is open. `ended` resolves exactly once, with how it ended.
 */
export class WorkerProcess {
  readonly ended: Promise<WorkerDied>;
  readonly #child: ChildProcess;
  readonly #pipe: Duplex;
  #open: OpenQuestion | undefined;
  #died: WorkerDied | undefined;

  constructor() {
    const script = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url));
    this.#child = spawn(process.execPath, [script], { env: environment(), stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
    // Where no file can be opened any more there are no pipes at all; the error that says so follows.
    this.#pipe = ((this.#child.stdio as unknown[] | undefined)?.[WORKER_PIPE] as Duplex | undefined) ?? nowhere();
    const reader = new AnswerReader();
    this.#pipe.on('data', (chunk: Buffer) => {
      try {
        for (const answer of reader.push(chunk)) this.#settle((open) => open.resolve(answer));
      } catch {
        // What does not speak as a worker is none.
        this.#child.kill('SIGKILL');
      }
    });
    // Writing to a dead worker; its end is reported below.
    this.#pipe.on('error', () => {});
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        // A process that could not be started says so first, and then that it has closed.
        const died = (this.#died ??= new WorkerDied(`an inference worker ended (${how})`));
        this.#settle((open) => open.reject(died));
        resolve(died);
      };
      this.#child.once('error', (error) => end(error.message));
      this.#child.once('close', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Rejects with WorkerDied. A worker silent for `limitMs` is held to hang and is killed. */
  async ask(request: Request, pixels: readonly Buffer[], limitMs: number): Promise<Answer> {
    if (this.#died !== undefined) throw this.#died;
    const answer = new Promise<Answer>((resolve, reject) => (this.#open = { resolve, reject }));
    const hang = setTimeout(() => this.#child.kill('SIGKILL'), limitMs);
    try {
      this.#pipe.cork();
      this.#pipe.write(encode(request));
      for (const picture of pixels) this.#pipe.write(picture);
      this.#pipe.uncork();
      return await answer;
    } finally {
      clearTimeout(hang);
    }
  }

  /** Lets the worker finish what it is doing and waits for its end. */
  async close(limitMs: number): Promise<void> {
    this.#pipe.end();
    const hang = setTimeout(() => this.#child.kill('SIGKILL'), limitMs);
    await this.ended;
    clearTimeout(hang);
  }

  #settle(how: (open: OpenQuestion) => void): void {
    if (this.#open !== undefined) how(this.#open);
    this.#open = undefined;
  }
}

/**
 * ONNX Runtime reports its use to its maker and leaves files in the temporary folder and the home directory unless it
 * is told not to. A counter of people talks to nobody but its agents and its ledger.
 */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
}

/** What is written there is gone, and nothing ever comes. */
function nowhere(): Duplex {
  return new Duplex({ read: () => undefined, write: (_, __, done) => done() });
}
