/**
 * The detectors of a counter: one for each model that streams ask for, started when the first one does, and stopped
 * when the last one has been gone for a while.
 */
import type { Log } from '#proto/process/log.ts';
import type { Metrics } from '#proto/process/metrics.ts';
import { type CountingDetector, Detector } from './detector.ts';
import { loadModel, type ModelInput } from './manifest.ts';
import type { ExecutionProvider } from './wire.ts';

/** Weak detections hold a track through an occlusion; below this, a score says nothing (see the model's note). */
const SCORE_FLOOR = 0.15;
/** An agent whose call broke is back sooner, and finds the model loaded. */
const IDLE_SECONDS = 60;

/** For one stream, until it is released. */
export interface PooledDetector extends CountingDetector {
  /** The stream needs it no more. To be called once. */
  release(): void;
}

export interface DetectorPoolOptions {
  readonly provider: ExecutionProvider;
  readonly workers: number;
  readonly maxBatch: number;
  readonly modelsDirectory: string;
  readonly metrics: Metrics;
  readonly log: Log;
  /** How long a detector that nobody uses is kept. */
  readonly idleSeconds?: number;
}

interface Started {
  readonly detector: Detector;
  readonly input: ModelInput;
}

interface PoolEntry {
  readonly starting: Promise<Started>;
  /** Undefined until then. */
  started: Started | undefined;
  streams: number;
  idle: NodeJS.Timeout | undefined;
}

export class DetectorPool {
  readonly #options: DetectorPoolOptions;
  readonly #employed = new Map<string, PoolEntry>();
  /** Those that nobody used for long enough. */
  readonly #stopping = new Set<Promise<unknown>>();
  readonly #provider;

  constructor(options: DetectorPoolOptions) {
    this.#options = options;
    this.#provider = options.metrics.gauge('counter_execution_provider', 'What runs the model.', ['model', 'provider']);
  }

  /** @throws ModelError with a sentence; the next asking tries again, for the model may have been mended. */
  async of(model: string): Promise<PooledDetector> {
    const employed = this.#employed.get(model) ?? this.#employ(model);
    employed.streams += 1;
    clearTimeout(employed.idle);
    const { detector, input } = await employed.starting;
    return {
      input,
      // One frame in each worker, and one ready to go: a stream alone can then use all of them.
      depth: Math.min(this.#options.workers + 1, 4),
      detect: (frame, signal) => detector.detect(frame, signal),
      release: () => this.#release(model, employed),
    };
  }

  /** A sentence while no worker is there for a model that is in use. */
  unready(): string | undefined {
    for (const [model, { started, streams }] of this.#employed) {
      if (streams > 0 && started?.detector.state().workerPids.length === 0) return `No inference process runs for model ${model}.`;
    }
    return undefined;
  }

  async stop(): Promise<void> {
    const employed = [...this.#employed.values()];
    for (const { idle } of employed) clearTimeout(idle);
    await Promise.allSettled(employed.map(({ starting }) => starting));
    await Promise.all([...employed.map(({ started }) => started?.detector.stop()), ...this.#stopping]);
  }

  #employ(model: string): PoolEntry {
    const employed: PoolEntry = { starting: this.#start(model), started: undefined, streams: 0, idle: undefined };
    this.#employed.set(model, employed);
    employed.starting.then(
      (started) => (employed.started = started),
      () => this.#employed.delete(model),
    );
    return employed;
  }

  #release(model: string, employed: PoolEntry): void {
    employed.streams -= 1;
    if (employed.streams > 0) return;
    const { idleSeconds = IDLE_SECONDS } = this.#options;
    employed.idle = setTimeout(() => this.#dismiss(model, employed), idleSeconds * 1000).unref();
  }

  #dismiss(model: string, { started }: PoolEntry): void {
    const { provider, log } = this.#options;
    this.#employed.delete(model);
    log.info({ model }, 'nobody uses the detector');
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
