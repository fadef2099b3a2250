/** What a scenario is, and what it has at hand. */
import type { ApiServer } from '#crds/cluster/api.ts';
import type { Cluster } from './cluster.ts';
import type { Installation, Settings } from './installation.ts';
import type { Kubectl } from './kubectl.ts';
import type { Streams } from './streams.ts';

export interface Scenario {
  /** For --only, and for folders. */
  readonly name: string;
  /** What the product promises, as a sentence. */
  readonly promise: string;
  /** Whether it disturbs others, which then have to wait. */
  readonly alone?: boolean;
  run(world: World): Promise<void>;
}

export interface World {
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
  readonly api: ApiServer;
  /** The scenario's own; everything in it goes when the scenario is over. */
  readonly namespace: string;
  readonly streams: Streams;
  readonly installation: Installation;
  /** Upgrades to these settings; the usual ones come back when the scenario is over. */
  readonly configure: (settings: Settings) => Promise<void>;
  /** Called when the scenario is over, however it went, last first. */
  readonly afterwards: (mend: () => Promise<unknown>) => void;
  /** Waits for the world to be so; `look` throws as long as it is not. @throws Error with what was seen last. */
  readonly eventually: <T>(what: string, seconds: number, look: () => Promise<T> | T) => Promise<T>;
  /** When the first scenario began, and whether all of them are run. */
  readonly begin: Date;
  readonly whole: boolean;
  readonly killing: { readonly minutes: number; readonly seed: number };
  /** A word on what the scenario found, for the report. */
  readonly note: (sentence: string) => void;
  readonly signal: AbortSignal;
}
