/** The detectors of a counter: one for each model that a stream asks for, started when the first one does. */
import type { Log } from '#proto/log.ts';
import type { Metrics } from '#proto/metrics.ts';
import type { CountingDetector } from './counting-run.ts';
import { Detector } from './detection/detector.ts';
import { loadModel } from './detection/manifest.ts';
import type { ExecutionProvider } from './detection/wire.ts';

/** Weak detections hold a track through an occlusion; below this, a score says nothing (see the model's note). */
const SCORE_FLOOR = 0.15;

export interface DetectorsOptions {
  readonly provider: ExecutionProvider;
  readonly workers: number;
  readonly maxBatch: number;
  readonly modelsDirectory: string;
  readonly metrics: Metrics;
  readonly log: Log;
}

export class Detectors {
  readonly #options: DetectorsOptions;
  readonly #started = new Map<string, Promise<CountingDetector>>();
  readonly #running = new Map<string, Detector>();
  readonly #provider;

  constructor(options: DetectorsOptions) {
    this.#options = options;
    this.#provider = options.metrics.gauge('counter_execution_provider', 'What runs the model.', ['model', 'provider']);
  }

  /** @throws ModelError with a sentence; the next asking tries again, for the model may have been mended. */
  async of(model: string): Promise<CountingDetector> {
    let started = this.#started.get(model);
    if (started === undefined) {
      started = this.#start(model);
      this.#started.set(model, started);
      started.catch(() => this.#started.delete(model));
    }
    return started;
  }

  /** A sentence while no worker is there for a model that is in use. */
  unready(): string | undefined {
    for (const [model, detector] of this.#running) {
      if (detector.state().workerPids.length === 0) return `No inference process runs for model ${model}.`;
    }
    return undefined;
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#started.values());
    await Promise.all([...this.#running.values()].map((detector) => detector.stop()));
  }

  async #start(name: string): Promise<CountingDetector> {
    const { provider, workers, maxBatch, modelsDirectory, log } = this.#options;
    const model = await loadModel(modelsDirectory, name);
    const batch = provider === 'cpu' ? 1 : maxBatch;
    const detector = await Detector.start({ model, provider, workers, maxBatch: batch, scoreFloor: SCORE_FLOOR });
    log.info({ model: name, provider, workers, maxBatch: batch }, 'detector runs');
    this.#running.set(name, detector);
    this.#provider.set(1, { model: name, provider });
    return {
      input: model.manifest.input,
      // One frame in each worker, and one ready to go: a stream alone can then use all of them.
      depth: Math.min(workers + 1, 4),
      detect: (frame, signal) => detector.detect(frame, signal),
    };
  }
}
