/** The specs of a cluster. The counter has one watch for each stream that it serves, and so reads no other streams. */
import type { ApiServer, KubernetesObject } from '#crds/cluster/api.ts';
import { resources } from '#crds/cluster/api.ts';
import { Reflector } from '#crds/cluster/reflector.ts';
import { CameraStreamSpec } from '#crds/schema.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';
import { type FollowedSpec, type KnownSpec, type Specs, unknownStream } from './specs.ts';

/** An agent that has no Welcome within five seconds dials another counter. */
const SYNC_MS = 4_000;

interface StreamObject extends KubernetesObject {
  readonly metadata?: KubernetesObject['metadata'] & { readonly generation?: number };
  readonly spec?: unknown;
}

export interface WatchedSpecsOptions {
  readonly api: ApiServer;
  /** Only streams of these namespaces are served; left out, streams of all namespaces. */
  readonly namespaces?: readonly string[] | undefined;
}

export class WatchedSpecs implements Specs {
  readonly #options: WatchedSpecsOptions;

  constructor(options: WatchedSpecsOptions) {
    this.#options = options;
  }

  async follow(stream: StreamName, signal: AbortSignal): Promise<FollowedSpec> {
    const { api, namespaces } = this.#options;
    if (namespaces?.includes(stream.namespace) === false) throw unknownStream(stream);
    const watched = new WatchedSpec(api, stream);
    try {
      await watched.synced(signal);
      watched.current();
      return watched;
    } catch (error) {
      await watched.close();
      throw error;
    }
  }
}

class WatchedSpec implements FollowedSpec {
  readonly changed = new ConditionVariable();
  readonly #stream: StreamName;
  readonly #reflector: Reflector<StreamObject>;
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  #current: KnownSpec | Refused;
  #fault = 'it did not answer in time';

  constructor(api: ApiServer, stream: StreamName) {
    this.#stream = stream;
    this.#current = unknownStream(stream);
    this.#reflector = new Reflector<StreamObject>({
      api,
      resource: resources.cameraStreams,
      namespace: stream.namespace,
      fieldSelector: `metadata.name=${stream.name}`,
      keep: ({ metadata, spec }) => ({ ...(metadata && { metadata }), spec }),
      onChange: (object, deleted) => this.#take(object, deleted),
      onState: (state) => {
        if (state.kind === 'interrupted') this.#fault = state.sentence;
      },
    });
    // The reflector retries faults of the API server. What it throws is a bug of its own, and ends the stream.
    this.#running = this.#reflector.run(this.#over.signal).catch((error: unknown) => {
      this.#current = new Refused('REFUSAL_REASON_UNSPECIFIED', `The spec cannot be followed any more: ${String(error)}.`);
      this.changed.notify();
    });
  }

  current(): KnownSpec {
    if (this.#current instanceof Refused) throw this.#current;
    return this.#current;
  }

  async synced(signal: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(SYNC_MS);
    await this.#reflector.whenSynced(AbortSignal.any([signal, late])).catch((error: unknown) => {
      signal.throwIfAborted();
      throw late.aborted ? new Refused('LEDGER_UNAVAILABLE', `The API server cannot be asked for the stream: ${this.#fault}.`) : error;
    });
  }

  async close(): Promise<void> {
    this.#over.abort(new Error('the spec is no longer followed'));
    await this.#running;
  }

  /** The counter's own writes of the status arrive here as well: only a new generation is a change of the spec. */
  #take(object: StreamObject, deleted: boolean): void {
    const { uid, generation } = object.metadata ?? {};
    // A stream that was deleted and created again is another stream, with its own agent.
    const replaced = uid !== this.#stream.uid;
    if (!deleted && !replaced && !(this.#current instanceof Refused) && generation === this.#current.generation) return;
    this.#current = deleted || replaced ? unknownStream(this.#stream) : specOf(object);
    this.changed.notify();
  }
}

function specOf({ metadata, spec }: StreamObject): KnownSpec | Refused {
  const parsed = CameraStreamSpec.safeParse(spec);
  if (parsed.success) return { spec: parsed.data, generation: metadata?.generation };
  const { path, message } = parsed.error.issues[0]!;
  return new Refused('INVALID', `spec.${path.join('.')} ${message}.`);
}
