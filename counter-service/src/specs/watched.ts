/** The specs of a cluster: each stream that is served is watched by itself, so a counter hears of no other. */
import type { ApiServer, KubernetesObject } from '#crds/cluster/api.ts';
import { resources } from '#crds/cluster/api.ts';
import { Reflector } from '#crds/cluster/reflector.ts';
import { CameraStreamSpec } from '#crds/schema.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';
import { type FollowedSpec, type KnownSpec, type Specs, unknown } from './specs.ts';

/** An agent that is not greeted within five seconds tries another counter. */
const SYNC_MS = 4_000;

interface Declared extends KubernetesObject {
  readonly metadata?: KubernetesObject['metadata'] & { readonly generation?: number };
  readonly spec?: unknown;
}

export interface WatchedSpecsOptions {
  readonly api: ApiServer;
  /** Streams of other namespaces are unknown here; left out, none are. */
  readonly namespaces?: readonly string[] | undefined;
}

export class WatchedSpecs implements Specs {
  readonly #options: WatchedSpecsOptions;

  constructor(options: WatchedSpecsOptions) {
    this.#options = options;
  }

  async follow(stream: StreamName, signal: AbortSignal): Promise<FollowedSpec> {
    const { api, namespaces } = this.#options;
    if (namespaces?.includes(stream.namespace) === false) throw unknown(stream);
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
  readonly #reflector: Reflector<Declared>;
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  #current: KnownSpec | Refused;
  #fault = 'it did not answer in time';

  constructor(api: ApiServer, stream: StreamName) {
    this.#stream = stream;
    this.#current = unknown(stream);
    this.#reflector = new Reflector<Declared>({
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
    // It throws nothing that the server does: what it throws is a fault of its own, and the stream's end.
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

  /** What the counter itself writes into the status is a change, too, but none of the spec. */
  #take(object: Declared, deleted: boolean): void {
    const { uid, generation } = object.metadata ?? {};
    // Deleted and made again, it is another stream, with an agent of its own.
    const gone = uid !== this.#stream.uid;
    if (!deleted && !gone && !(this.#current instanceof Refused) && generation === this.#current.generation) return;
    this.#current = deleted || gone ? unknown(this.#stream) : specOf(object);
    this.changed.notify();
  }
}

function specOf({ metadata, spec }: Declared): KnownSpec | Refused {
  const parsed = CameraStreamSpec.safeParse(spec);
  if (parsed.success) return { spec: parsed.data, generation: metadata?.generation };
  const { path, message } = parsed.error.issues[0]!;
  return new Refused('INVALID', `spec.${path.join('.')} ${message}.`);
}
