/**
 * The detectors of a counter, one for each model. A detector starts with the first stream that needs its model, and stops
 * when no stream has used it for a while.
 */
import type { Log } from '#proto/process/log.ts';
import type { Metrics } from '#proto/process/metrics.ts';
import { type CountingDetector, Detector } from './detector.ts';
import { loadModel, type ModelInput } from './manifest.ts';
import type { ExecutionProvider } from './wire.ts';

/** Weak detections keep a track through an occlusion. Scores below this mean nothing (see the README of the model). */
const SCORE_FLOOR = 0.15;
/** An agent whose call broke is back earlier, and finds its model loaded. */
const IDLE_SECONDS = 60;

/** A detector for one stream, until the stream releases it. */
export interface PooledDetector extends CountingDetector {
  /** Call it once, when the stream is over. */
  release(): void;
}

export interface DetectorPoolOptions {
  readonly provider: ExecutionProvider;
  readonly workers: number;
  readonly maxBatch: number;
  readonly modelsDirectory: string;
  readonly metrics: Metrics;
  readonly log: Log;
  /** How long a detector is kept that no stream uses. */
  readonly idleSeconds?: number;
}

interface Started {
  readonly detector: Detector;
  readonly input: ModelInput;
}

interface PoolEntry {
  readonly starting: Promise<Started>;
  /** The result of `starting`; undefined before. */
  started: Started | undefined;
  streams: number;
  idle: NodeJS.Timeout | undefined;
}

export class DetectorPool {
  readonly #options: DetectorPoolOptions;
  readonly #entries = new Map<string, PoolEntry>();
  /** Detectors that are being stopped because no stream uses them. */
  readonly #stopping = new Set<Promise<unknown>>();
  readonly #provider;

  constructor(options: DetectorPoolOptions) {
    this.#options = options;
    this.#provider = options.metrics.gauge('counter_execution_provider', 'What runs the model.', ['model', 'provider']);
  }

  /** @throws ModelError with a sentence. The next call tries again, for the model may have been repaired. */
  async of(model: string): Promise<PooledDetector> {
    const entry = this.#entries.get(model) ?? this.#load(model);
    entry.streams += 1;
    clearTimeout(entry.idle);
    const { detector, input } = await entry.starting;
    return {
      input,
      // One frame in each worker and one waiting, so that a single stream can use all workers.
      depth: Math.min(this.#options.workers + 1, 4),
      detect: (frame, signal) => detector.detect(frame, signal),
      release: () => this.#release(model, entry),
    };
  }

  /** A sentence while a model that a stream uses has no running worker. */
  unready(): string | undefined {
    for (const [model, { started, streams }] of this.#entries) {
      if (streams > 0 && started?.detector.state().workerPids.length === 0) return `No inference process runs for model ${model}.`;
    }
    return undefined;
  }

  async stop(): Promise<void> {
    const entries = [...this.#entries.values()];
    for (const { idle } of entries) clearTimeout(idle);
    await Promise.allSettled(entries.map(({ starting }) => starting));
    await Promise.all([...entries.map(({ started }) => started?.detector.stop()), ...this.#stopping]);
  }

  #load(model: string): PoolEntry {
    const entry: PoolEntry = { starting: this.#start(model), started: undefined, streams: 0, idle: undefined };
    this.#entries.set(model, entry);
    entry.starting.then(
      (started) => (entry.started = started),
      () => this.#entries.delete(model),
    );
    return entry;
  }

  #release(model: string, entry: PoolEntry): void {
    entry.streams -= 1;
    if (entry.streams > 0) return;
    const { idleSeconds = IDLE_SECONDS } = this.#options;
    entry.idle = setTimeout(() => this.#unload(model, entry), idleSeconds * 1000).unref();
  }

  #unload(model: string, { started }: PoolEntry): void {
    const { provider, log } = this.#options;
    this.#entries.delete(model);
    log.info({ model }, 'detector stops: no stream uses it');
    const stopped = Promise.all([started?.detector.stop(), this.#provider.forget({ model, provider })]).finally(() =>
      this.#stopping.delete(stopped),
    );
    this.#stopping.add(stopped);
  }

  async #start(name: string): Promise<Started> {
    const { provider, workers, maxBatch, modelsDirectory, log } = this.#options;
    const model = await loadModel(modelsDirectory, name);
    const batch = provider === 'cpu' ? 1 : maxBatch;
    const detector = await Detector.start({ model, provider, workers, maxBatch: batch, scoreFloor: SCORE_FLOOR });
    log.info({ model: name, provider, workers, maxBatch: batch }, 'detector runs');
    this.#provider.set(1, { model: name, provider });
    return { detector, input: model.manifest.input };
  }
}
