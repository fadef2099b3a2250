/** A scenario, and what it can use. */
import type { ApiServer } from '#crds/cluster/api.ts';
import type { Cluster } from './cluster.ts';
import type { Installation, Settings } from './installation.ts';
import type { Kubectl } from './kubectl.ts';
import type { Streams } from './streams.ts';

export interface Scenario {
  /** For --only, namespaces and folders. */
  readonly name: string;
  /** A sentence that the scenario tests: what Footfall promises. */
  readonly promise: string;
  /** Whether it disturbs other scenarios, and so runs alone. */
  readonly alone?: boolean;
  run(world: World): Promise<void>;
}

export interface World {
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
  readonly api: ApiServer;
  /** The scenario's own; it is deleted with everything in it afterwards. */
  readonly namespace: string;
  readonly streams: Streams;
  readonly installation: Installation;
  /** Upgrades to these settings; the usual ones are restored afterwards. */
  readonly configure: (settings: Settings) => Promise<void>;
  /** Registers a cleanup, for a scenario that passes or fails; the last one runs first. */
  readonly afterwards: (cleanup: () => Promise<unknown>) => void;
  /** Waits until `look` does not throw. @throws Error with what was seen last. */
  readonly eventually: <T>(what: string, seconds: number, look: () => Promise<T> | T) => Promise<T>;
  /** When the first scenario began, and whether all of them are run. */
  readonly begin: Date;
  readonly whole: boolean;
  readonly killing: { readonly minutes: number; readonly seed: number };
  /** Adds a remark to the report. */
  readonly note: (sentence: string) => void;
  readonly signal: AbortSignal;
}
