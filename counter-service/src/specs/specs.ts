/** What is to be counted, from wherever it is declared; the counter reads it for itself, the agent has no say in it. */
import type { CameraStreamSpec } from '#crds/schema.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';

export interface KnownSpec {
  readonly spec: CameraStreamSpec;
  /** Rises with every edit; absent where nothing is edited. */
  readonly generation: number | undefined;
}

export interface FollowedSpec {
  /** The latest one; the same object until it is edited. @throws Refused when the stream is gone, or its spec cannot be read. */
  current(): KnownSpec;
  /** Notified when `current` has another answer. */
  readonly changed: ConditionVariable;
  close(): Promise<void>;
}

export interface Specs {
  /** @throws Refused, also when it cannot be found out in time; the signal's reason. */
  follow(stream: StreamName, signal: AbortSignal): Promise<FollowedSpec>;
}

/** Specs that stay as they are: those of local mode, from files. By namespace/name. */
export class FixedSpecs implements Specs {
  readonly #specs: ReadonlyMap<string, CameraStreamSpec>;

  constructor(specs: ReadonlyMap<string, CameraStreamSpec>) {
    this.#specs = specs;
  }

  follow(stream: StreamName): Promise<FollowedSpec> {
    const spec = this.#specs.get(`${stream.namespace}/${stream.name}`);
    if (spec === undefined) return Promise.reject(unknown(stream));
    const known = { spec, generation: undefined };
    return Promise.resolve({ current: () => known, changed: new ConditionVariable(), close: () => Promise.resolve() });
  }
}

export function unknown({ namespace, name }: StreamName): Refused {
  return new Refused('UNKNOWN_STREAM', `There is no CameraStream ${namespace}/${name} here.`);
}
