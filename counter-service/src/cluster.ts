/** What a counter gets from the API server in a cluster: ledger, specs, and authentication of callers. */
import { resources } from '#crds/cluster/api.ts';
import type { ApiServer } from '#crds/cluster/api.ts';
import { waitBackoff } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import type { CounterConfig } from './config.ts';
import type { CallerOptions } from './identity/caller.ts';
import { TokenReviews } from './identity/reviews.ts';
import { StatusLedger } from './ledger/status.ts';
import type { StreamMetrics } from './metrics.ts';
import { WatchedSpecs } from './specs/watched.ts';

const BACKOFF = { initialSeconds: 0.5, maximumSeconds: 15 };

export type ClusterConfig = NonNullable<CounterConfig['cluster']>;

export class Cluster {
  readonly ledger: StatusLedger;
  readonly specs: WatchedSpecs;
  readonly identities: CallerOptions;
  readonly #api: ApiServer;
  readonly #config: ClusterConfig;
  readonly #log: Log;
  #unreached: string | undefined = 'The API server has not been reached yet.';

  constructor(api: ApiServer, config: ClusterConfig, metrics: StreamMetrics, log: Log) {
    this.#api = api;
    this.#config = config;
    this.#log = log;
    this.ledger = new StatusLedger({ api, counter: config.counter, onWrite: (result) => metrics.countLedgerWrite(result) });
    this.specs = new WatchedSpecs({ api, namespaces: config.namespaces });
    this.identities = { reviews: new TokenReviews({ api, log }) };
  }

  /** A sentence until the counter has listed streams once. Each stream handles later faults of the API server itself. */
  unready(): string | undefined {
    return this.#unreached;
  }

  /** Retries until the counter has listed streams once, or the signal aborts. */
  async reach(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        for (const namespace of this.#config.namespaces ?? [undefined]) {
          await this.#api.list(resources.cameraStreams, { namespace, limit: 1 }, signal);
        }
        this.#unreached = undefined;
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#unreached = `The API server does not show this counter its streams: ${(error as Error).message}.`;
        this.#log.warn({ fault: (error as Error).message }, 'API server not reached');
        await waitBackoff(BACKOFF, attempt, signal);
      }
    }
  }

  async close(): Promise<void> {
    await this.ledger.close();
    await this.#api.close();
  }
}
