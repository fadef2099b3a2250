import { spawn, type ChildProcess } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { AnswerReader, encode, WORKER_PIPE, type Answer, type Request } from './wire.ts';

/** The worker process ended, by itself or by a signal. */
export class WorkerDied extends Error {
  override name = 'WorkerDied';
}

interface OpenQuestion {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/**
 * The parent's side of one worker process.
 *
 *   running ──close()──▶ closing ──end of process──▶ ended      (running ──death──▶ ended)
 *
 * At most one request is pending. `ended` resolves exactly once, with the cause.
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
    // When the process may open no more files, `spawn` makes no pipes; its 'error' event follows.
    this.#pipe = ((this.#child.stdio as unknown[] | undefined)?.[WORKER_PIPE] as Duplex | undefined) ?? nowhere();
    const reader = new AnswerReader();
    this.#pipe.on('data', (chunk: Buffer) => {
      try {
        for (const answer of reader.push(chunk)) this.#settle((open) => open.resolve(answer));
      } catch {
        // Its output is not an answer: the worker is broken.
        this.#child.kill('SIGKILL');
      }
    });
    // A write to a dead worker fails; its end is reported below.
    this.#pipe.on('error', () => {});
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        // A process that could not be started emits 'error' first, and then 'close'.
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

  /** Rejects with WorkerDied. A worker that does not answer within `limitMs` hangs, and is killed. */
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

  /** Lets the worker finish its request and waits for the end of its process. */
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
 * Without this variable ONNX Runtime sends telemetry to its maker, and leaves files in the temporary folder and in the
 * home directory. A counter connects to its agents and its ledger only.
 */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
}

/** A pipe that discards what is written and never ends. */
function nowhere(): Duplex {
  return new Duplex({ read: () => undefined, write: (_, __, done) => done() });
}
