/** The specs of streams. The counter reads them from the API server, or from files in local mode, never from the agent. */
import type { CameraStreamSpec } from '#crds/schema.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';

export interface KnownSpec {
  readonly spec: CameraStreamSpec;
  /** Rises with every edit; absent in local mode, where a spec is never edited. */
  readonly generation: number | undefined;
}

export interface FollowedSpec {
  /** The latest spec; the same object until the spec is edited. @throws Refused when the stream is gone, or its spec is invalid. */
  current(): KnownSpec;
  /** Notified when `current` returns or throws something else. */
  readonly changed: ConditionVariable;
  close(): Promise<void>;
}

export interface Specs {
  /** @throws Refused when the stream is unknown, its spec is invalid, or the API server does not answer; the signal's reason. */
  follow(stream: StreamName, signal: AbortSignal): Promise<FollowedSpec>;
}

/** The specs of local mode, from files, by namespace/name. They never change. */
export class FixedSpecs implements Specs {
  readonly #specs: ReadonlyMap<string, CameraStreamSpec>;

  constructor(specs: ReadonlyMap<string, CameraStreamSpec>) {
    this.#specs = specs;
  }

  follow(stream: StreamName): Promise<FollowedSpec> {
    const spec = this.#specs.get(`${stream.namespace}/${stream.name}`);
    if (spec === undefined) return Promise.reject(unknownStream(stream));
    const known = { spec, generation: undefined };
    return Promise.resolve({ current: () => known, changed: new ConditionVariable(), close: () => Promise.resolve() });
  }
}

export function unknownStream({ namespace, name }: StreamName): Refused {
  return new Refused('UNKNOWN_STREAM', `There is no CameraStream ${namespace}/${name} here.`);
}
