import { setTimeout as delay } from 'node:timers/promises';
import type { Detection } from './detection.ts';
import { FairQueue } from './fair-queue.ts';
import { ModelError, type Model, type ModelInput } from './manifest.ts';
import { toSource, type Plan } from './plan.ts';
import { pictureBytes, type Answer, type ExecutionProvider } from './wire.ts';
import { WorkerProcess } from './worker-process.ts';

/**
 * Detects people in the frames of many streams, in worker processes with one model.
 *
 * A frame:   waiting ──taken──▶ running ──▶ detected | failed
 *               ▲                  │ its worker died
 *               └── urgent, alone ─┘ (the second time: failed)
 * A worker:  starting ──loaded──▶ taking and running frames ──death──▶ pausing ──▶ starting
 *                 └─refused─▶ pausing
 *
 * Each frame has exactly one result. It depends on the frame alone, not on the worker, the batch or a death in between.
 * After a death a frame runs alone, so that a frame that kills workers does not harm other frames.
 */
export interface DetectorSettings {
  readonly model: Model;
  readonly provider: ExecutionProvider;
  /** On a CPU as many as it has cores, on a GPU one. */
  readonly workers: number;
  /** Frames in one run. More than 1 gains nothing on a CPU. */
  readonly maxBatch: number;
  /** Detections under it are left out, 0 to 1. */
  readonly scoreFloor: number;
}

export interface Frame {
  /** Names one call of a stream, for fair turns and bounds: a superseded call may still have frames waiting. */
  readonly stream: string;
  /** bgr24 of `plan.picture`; must not change until `detect` resolves. */
  readonly pixels: Buffer;
  readonly plan: Plan;
}

/** The detector that a stream is counted with. */
export interface CountingDetector {
  readonly input: ModelInput;
  /** Frames of one stream that may be in detection at a time. */
  readonly depth: number;
  detect(frame: Frame, signal: AbortSignal): Promise<DetectionResult>;
}

export interface DetectionResult {
  /** In pixels of the source picture, best first. */
  readonly detections: Detection[];
  readonly queueMs: number;
  /** This frame's share of its batch. */
  readonly inferenceCpuMs: number;
  readonly batchSize: number;
}

export interface DetectorState {
  readonly provider: ExecutionProvider;
  /** Process ids of the running workers; this process's own CPU time does not include theirs. */
  readonly workerPids: readonly number[];
  readonly workerDeaths: number;
  readonly framesWaiting: number;
}

/** Frames of one stream that may wait. The caller awaits its results, so more waiting frames are a bug of the caller. */
const MOST_WAITING_PER_STREAM = 4;
/** A run takes 10 ms to 1 s, also on a busy machine. TensorRT builds its engine at the first run of a shape. */
const RUN_LIMIT_MS = { cpu: 30_000, cuda: 60_000, webgpu: 60_000, tensorrt: 600_000 } as const;
const RESTART_PAUSE_MS = { first: 100, most: 10_000 };

interface Job {
  readonly frame: Frame;
  readonly since: number;
  deaths: number;
  resolve(result: DetectionResult): void;
  reject(error: Error): void;
}

export class Detector {
  readonly #settings: DetectorSettings;
  readonly #queue = new FairQueue<Job>();
  readonly #workers = new Set<ReadyWorker>();
  /** The workers that wait for a frame. */
  readonly #idle = new Set<ReadyWorker>();
  readonly #stopping = new AbortController();
  #supervisors: Promise<void>[] = [];
  #workerDeaths = 0;
  /** Why the last restart of a worker failed; undefined after a successful restart. */
  #startFault: Error | undefined;

  private constructor(settings: DetectorSettings) {
    this.#settings = settings;
  }

  /** Throws ModelError if the model or the provider cannot be used; there is no fallback to another provider. */
  static async start(settings: DetectorSettings): Promise<Detector> {
    const detector = new Detector(settings);
    const starts = await Promise.allSettled(Array.from({ length: settings.workers }, () => startWorker(settings)));
    const ready = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed !== undefined) {
      await Promise.all(ready.map(({ worker }) => worker.close(RUN_LIMIT_MS.cpu)));
      throw failed.reason;
    }
    detector.#supervisors = ready.map((worker) => detector.#supervise(worker));
    return detector;
  }

  state(): DetectorState {
    return {
      provider: this.#settings.provider,
      workerPids: [...this.#workers].flatMap(({ worker }) => worker.pid ?? []),
      workerDeaths: this.#workerDeaths,
      framesWaiting: this.#queue.size,
    };
  }

  /** Rejects if `signal` aborts, if the frame cannot be run, or if the detector stops first. */
  detect(frame: Frame, signal?: AbortSignal): Promise<DetectionResult> {
    return new Promise((resolve, reject) => {
      this.#check(frame, signal);
      const removeListener = (): void => signal?.removeEventListener('abort', abort);
      const job: Job = {
        frame,
        since: performance.now(),
        deaths: 0,
        resolve: (result) => (removeListener(), resolve(result)),
        reject: (error) => (removeListener(), reject(error)),
      };
      const abort = (): void => {
        this.#queue.remove(frame.stream, job);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#queue.push(frame.stream, job);
      this.#dispatch();
    });
  }

  /** Finishes running frames and rejects waiting ones. Resolves when the last worker process has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const job of this.#queue.takeAll()) job.reject(stoppingError());
    for (const { worker } of this.#idle) void worker.close(RUN_LIMIT_MS.cpu);
    await Promise.all(this.#supervisors);
  }

  #check({ stream, pixels, plan }: Frame, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#stopping.signal.aborted) throw stoppingError();
    if (this.#startFault !== undefined && this.#workers.size === 0) throw this.#startFault;
    if (pixels.length !== pictureBytes(plan.picture)) {
      throw new RangeError(
        `A frame of stream ${stream} has ${pixels.length} bytes; ` +
          `${plan.picture.width}x${plan.picture.height} bgr24 has ${pictureBytes(plan.picture)}.`,
      );
    }
    if (plan.picture.width > plan.input.width || plan.picture.height > plan.input.height) {
      throw new RangeError(
        `A picture of ${plan.picture.width}x${plan.picture.height} does not fit an input of ${plan.input.width}x${plan.input.height}.`,
      );
    }
    if (this.#queue.waiting(stream) >= MOST_WAITING_PER_STREAM) {
      throw new RangeError(`Stream ${stream} has ${MOST_WAITING_PER_STREAM} frames waiting for detection already.`);
    }
  }

  /** Keeps one worker running, and restarts it, until the detector stops. */
  async #supervise(first: ReadyWorker): Promise<void> {
    let ready: ReadyWorker | undefined = first;
    let pauseMs = RESTART_PAUSE_MS.first;
    for (;;) {
      if (ready !== undefined) {
        const startedAt = performance.now();
        await this.#runWorker(ready);
        // A worker that ran for long had no fault at its start: its successor need not wait.
        if (performance.now() - startedAt > RESTART_PAUSE_MS.most) pauseMs = RESTART_PAUSE_MS.first;
      }
      await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, RESTART_PAUSE_MS.most);
      if (this.#stopping.signal.aborted) return;
      ready = await this.#restart();
    }
  }

  /** Lets a worker take frames until its process ends. */
  async #runWorker(ready: ReadyWorker): Promise<void> {
    this.#workers.add(ready);
    this.#offer(ready);
    await ready.worker.ended;
    this.#idle.delete(ready);
    this.#workers.delete(ready);
    if (!this.#stopping.signal.aborted) this.#workerDeaths += 1;
  }

  async #restart(): Promise<ReadyWorker | undefined> {
    try {
      const ready = await startWorker(this.#settings);
      this.#startFault = undefined;
      return ready;
    } catch (error) {
      this.#startFault = error as Error;
      // With another running worker the frames can wait for it; without one no worker can detect in them.
      if (this.#workers.size === 0) for (const job of this.#queue.takeAll()) job.reject(this.#startFault);
      return undefined;
    }
  }

  /** A worker is free: it takes the next frame, or is closed when the detector stops. */
  #offer(ready: ReadyWorker): void {
    if (this.#stopping.signal.aborted) {
      void ready.worker.close(RUN_LIMIT_MS.cpu);
      return;
    }
    this.#idle.add(ready);
    this.#dispatch();
  }

  /** Gives waiting frames to idle workers. A worker takes the frames that wait when it is free, and does not wait for a full batch. */
  #dispatch(): void {
    for (const ready of this.#idle) {
      const most = Math.min(ready.maxBatch, this.#settings.maxBatch);
      const jobs = this.#queue.take(most, (a, b) => sameInput(a.frame.plan, b.frame.plan));
      if (jobs.length === 0) return;
      this.#idle.delete(ready);
      void this.#run(ready, jobs);
    }
  }

  async #run(ready: ReadyWorker, jobs: readonly Job[]): Promise<void> {
    const startedAt = performance.now();
    const { provider, scoreFloor } = this.#settings;
    const plans = jobs.map((job) => job.frame.plan);
    const request = { kind: 'detect', input: plans[0]!.input, pictures: plans.map((plan) => plan.picture), scoreFloor } as const;
    try {
      const answer = await ready.worker.ask(
        request,
        jobs.map((job) => job.frame.pixels),
        RUN_LIMIT_MS[provider],
      );
      resolveJobs(jobs, answer, startedAt);
      this.#offer(ready);
    } catch (error) {
      this.#retry(jobs, error as Error);
    }
  }

  #retry(jobs: readonly Job[], death: Error): void {
    for (const job of jobs) {
      job.deaths += 1;
      if (this.#stopping.signal.aborted) job.reject(stoppingError());
      else if (job.deaths < 2) this.#queue.pushUrgent(job);
      else job.reject(new Error(`A frame of stream ${job.frame.stream} ended two workers and is given up: ${death.message}.`));
    }
    this.#dispatch();
  }
}

interface ReadyWorker {
  readonly worker: WorkerProcess;
  /** The largest batch that the model's shape allows. */
  readonly maxBatch: number;
}

async function startWorker({ model, provider }: DetectorSettings): Promise<ReadyWorker> {
  const worker = new WorkerProcess();
  const answer = await worker.ask({ kind: 'load', model, provider }, [], RUN_LIMIT_MS[provider]).catch((error: Error) => {
    throw new ModelError(`Model ${model.manifest.name} could not be loaded: ${error.message}.`, { cause: error });
  });
  if (answer.kind === 'loaded') return { worker, maxBatch: answer.maxBatch };
  await worker.close(RUN_LIMIT_MS.cpu);
  throw new ModelError(answer.kind === 'refused' ? answer.reason : `Model ${model.manifest.name} could not be loaded.`);
}

function resolveJobs(jobs: readonly Job[], answer: Answer, startedAt: number): void {
  for (const [index, job] of jobs.entries()) {
    const { frame, since } = job;
    if (answer.kind === 'detected') {
      const detections = toSource(answer.detections[index] ?? [], frame.plan);
      job.resolve({ detections, queueMs: startedAt - since, inferenceCpuMs: answer.inferenceCpuMs / jobs.length, batchSize: jobs.length });
    } else {
      job.reject(
        new Error(`Detection on a frame of stream ${frame.stream} failed: ${answer.kind === 'loaded' ? 'no answer' : answer.reason}.`),
      );
    }
  }
}

function sameInput(a: Plan, b: Plan): boolean {
  return a.input.width === b.input.width && a.input.height === b.input.height;
}

function stoppingError(): Error {
  return new Error('The detector is stopping.');
}
