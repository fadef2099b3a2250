/**
 * What the operator knows of the world: mirrors of the API server's objects, kept by reflectors, with what it wrote
 * itself laid over them until they show it. Whatever changes, the keys it concerns are asked to be looked at again.
 */
import {
  type ApiServer,
  type KubernetesObject,
  type Resource,
  resources,
  type V1ConfigMap,
  type V1Deployment,
  type V1Pod,
  type V1Service,
  type V1ServiceAccount,
} from '#crds/cluster/api.ts';
import { Reflector, type ReflectorState } from '#crds/cluster/reflector.ts';
import { agentName } from '#crds/identity.ts';
import { CameraStreamSpec, type CameraStream } from '#crds/schema.ts';
import type { PoolView } from './streams/conditions.ts';
import { clusterFault } from './streams/desired.ts';
import { componentOf, MANAGED, POOL, STREAM_LABEL } from './objects/labels.ts';
import { isOver, podTrouble } from './objects/pods.ts';
import { WrittenObjects } from './objects/pending-writes.ts';

export interface WorldOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  /** None: all. */
  readonly watchNamespaces: readonly string[];
  /** Something about this stream (`namespace/name`) changed. */
  readonly onStream: (key: string) => void;
  /** Something about the pool changed, or about how many streams there are. */
  readonly onPool: () => void;
  /** For metrics and logs. */
  readonly onState: (resource: string, state: ReflectorState) => void;
}

/** A CameraStream as it lies on the server, its spec filled with defaults; `fault` when nothing can be made of it. */
export interface KnownStream {
  readonly stream: CameraStream;
  readonly fault: string | undefined;
}

export interface AgentObjects {
  readonly serviceAccount: V1ServiceAccount | undefined;
  readonly configMap: V1ConfigMap | undefined;
  readonly deployment: V1Deployment | undefined;
  /** The one that is to stay, or else the newest. */
  readonly pod: V1Pod | undefined;
  /** Another one, which has been told to go and has not gone. */
  readonly former: V1Pod | undefined;
}

export interface PoolObjects {
  readonly deployment: V1Deployment | undefined;
  readonly service: V1Service | undefined;
  readonly pods: readonly V1Pod[];
}

export class World {
  readonly #reflectors: Reflector<KubernetesObject>[] = [];
  readonly #byPlural = new Map<string, Reflector<KubernetesObject>[]>();
  readonly #streams: readonly Reflector<CameraStream>[];
  readonly #deployments: readonly Reflector<V1Deployment>[];
  readonly #serviceAccounts: readonly Reflector<V1ServiceAccount>[];
  readonly #configMaps: readonly Reflector<V1ConfigMap>[];
  readonly #pods: readonly Reflector<V1Pod>[];
  readonly #services: readonly Reflector<V1Service>[];
  readonly #written = new WrittenObjects();
  /** Of each stream, what the operator looks at. */
  readonly #known = new Map<string, string>();
  readonly #options: WorldOptions;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { namespace, watchNamespaces, onStream, onPool } = options;
    const everywhere: readonly (string | undefined)[] =
      watchNamespaces.length === 0 ? [undefined] : [...new Set([...watchNamespaces, namespace])];
    const ofChild = (object: KubernetesObject) => {
      if (componentOf(object.metadata?.labels) === 'counter' && object.metadata?.namespace === namespace) onPool();
      const stream = object.metadata?.labels?.[STREAM_LABEL];
      if (stream !== undefined) onStream(`${object.metadata!.namespace}/${stream}`);
    };
    const managed = { labelSelector: MANAGED, onChange: ofChild };
    this.#streams = (watchNamespaces.length === 0 ? [undefined] : watchNamespaces).map((within) =>
      this.#mirror<CameraStream>(resources.cameraStreams, within, {
        keep: withoutCounts,
        index: counterOf,
        onChange: (stream, deleted) => {
          if (!this.#concerns(stream, deleted)) return;
          onStream(keyOf(stream));
          onPool();
        },
      }),
    );
    this.#deployments = everywhere.map((within) => this.#mirror<V1Deployment>(resources.deployments, within, managed));
    this.#serviceAccounts = everywhere.map((within) => this.#mirror<V1ServiceAccount>(resources.serviceAccounts, within, managed));
    this.#configMaps = (watchNamespaces.length === 0 ? [undefined] : watchNamespaces).map((within) =>
      this.#mirror<V1ConfigMap>(resources.configMaps, within, managed),
    );
    this.#pods = everywhere.map((within) => this.#mirror<V1Pod>(resources.pods, within, { ...managed, keep: podInBrief, index: agentOf }));
    this.#services = [this.#mirror<V1Service>(resources.services, namespace, managed)];
  }

  /** Keeps the mirrors until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  /** A sentence while some mirror has not been filled yet. */
  unready(): string | undefined {
    return this.#reflectors.every((reflector) => reflector.synced) ? undefined : 'The objects of the cluster are not known yet.';
  }

  /** Resolves when all mirrors are filled. @throws the signal's reason */
  async whenFilled(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.whenSynced(signal)));
  }

  stream(key: string): KnownStream | undefined {
    const { namespace, name } = refOf(key);
    const raw = this.#mirrored(this.#streams, namespace, name);
    return raw && known(this.#written.newer(resources.cameraStreams, raw));
  }

  agent({ metadata: { namespace, name } }: CameraStream): AgentObjects {
    const pods = this.#pods.flatMap((reflector) => reflector.indexed(`${namespace}/${name}`)).toSorted((a, b) => bornAt(b) - bornAt(a));
    const [pod] = [...pods.filter((one) => !isGoing(one) && !isOver(one)), ...pods.filter((one) => isGoing(one) || isOver(one))];
    return {
      serviceAccount: this.#find(resources.serviceAccounts, this.#serviceAccounts, namespace, agentName(name)),
      configMap: this.#find(resources.configMaps, this.#configMaps, namespace, agentName(name)),
      deployment: this.#find(resources.deployments, this.#deployments, namespace, agentName(name)),
      pod,
      former: pods.find((one) => one !== pod && isGoing(one)),
    };
  }

  pool(): PoolObjects {
    const { namespace } = this.#options;
    return {
      deployment: this.#find(resources.deployments, this.#deployments, namespace, POOL),
      service: this.#find(resources.services, this.#services, namespace, POOL),
      pods: this.#pods
        .flatMap((reflector) => reflector.indexed(POOL))
        .filter((pod) => pod.metadata?.namespace === namespace && !isOver(pod))
        .toSorted((a, b) => bornAt(b) - bornAt(a)),
    };
  }

  /** Streams that want to be counted. */
  activeStreams(): number {
    let active = 0;
    for (const reflector of this.#streams) for (const { spec } of reflector.values()) if (!spec.suspend) active += 1;
    return active;
  }

  poolView({ streamsPerCounter, maximum }: Pick<PoolView, 'streamsPerCounter' | 'maximum'>): PoolView {
    const { pods } = this.pool();
    const ready = new Map(
      pods.filter((pod) => !isGoing(pod) && podTrouble(pod) === undefined).map((pod) => [pod.metadata!.name!, runsSince(pod)]),
    );
    const served = [...ready.keys()].reduce(
      (sum, counter) => sum + this.#streams.reduce((of, reflector) => of + reflector.indexed(counter).length, 0),
      0,
    );
    const troubled = pods
      .map((pod) => ({ pod, trouble: isGoing(pod) ? undefined : podTrouble(pod) }))
      .find(({ trouble }) => trouble !== undefined);
    const trouble = troubled && `Counter ${troubled.pod.metadata!.name} ${troubled.trouble!.sentence}`;
    return { ready, full: served >= ready.size * streamsPerCounter, streamsPerCounter, maximum, trouble };
  }

  keys(): string[] {
    return this.#streams.flatMap((reflector) => reflector.values().map(keyOf));
  }

  /** What the server answered to a write: true from now on, whatever the mirrors still show. */
  wrote(resource: Resource, object: KubernetesObject): void {
    const { namespace = '', name = '' } = object.metadata ?? {};
    this.#written.add(resource, object);
    // The watch may have been faster than the answer.
    for (const reflector of this.#byPlural.get(resource.plural) ?? []) {
      const mirrored = reflector.get(namespace, name);
      if (mirrored !== undefined) this.#written.shown(resource, mirrored);
    }
  }

  #find<T extends KubernetesObject>(
    resource: Resource,
    reflectors: readonly Reflector<T>[],
    namespace: string,
    name: string,
  ): T | undefined {
    const mirrored = this.#mirrored(reflectors, namespace, name);
    return mirrored === undefined
      ? (this.#written.unseen(resource, namespace, name) as T | undefined)
      : this.#written.newer(resource, mirrored);
  }

  #mirrored<T extends KubernetesObject>(reflectors: readonly Reflector<T>[], namespace: string, name: string): T | undefined {
    return reflectors.map((reflector) => reflector.get(namespace, name)).find((found) => found !== undefined);
  }

  /** Whether anything in it has changed that is the operator's business: counts change all the time. */
  #concerns(stream: CameraStream, deleted: boolean): boolean {
    const {
      metadata: { uid, generation, deletionTimestamp },
      status,
    } = stream;
    const looks = JSON.stringify([uid, generation, deletionTimestamp, status]);
    if (deleted) return this.#known.delete(keyOf(stream));
    if (this.#known.get(keyOf(stream)) === looks) return false;
    this.#known.set(keyOf(stream), looks);
    return true;
  }

  #mirror<T extends KubernetesObject>(
    resource: Resource,
    namespace: string | undefined,
    options: {
      labelSelector?: string;
      keep?: (object: T) => T;
      index?: (object: T) => string | undefined;
      onChange: (object: T, deleted: boolean) => void;
    },
  ): Reflector<T> {
    const reflector = new Reflector<T>({
      api: this.#options.api,
      resource,
      ...(namespace !== undefined && { namespace }),
      ...options,
      onState: (state) => this.#options.onState(resource.plural, state),
      onChange: (object, deleted) => {
        if (deleted) this.#written.forget(resource, object);
        else this.#written.shown(resource, object);
        options.onChange(object, deleted);
      },
    });
    const plain = reflector as unknown as Reflector<KubernetesObject>;
    this.#reflectors.push(plain);
    this.#byPlural.set(resource.plural, [...(this.#byPlural.get(resource.plural) ?? []), plain]);
    return reflector;
  }
}

function known(raw: CameraStream): KnownStream {
  const parsed = CameraStreamSpec.safeParse(raw.spec);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return { stream: raw, fault: `${['spec', ...issue.path].join('.')}: ${issue.message}.` };
  }
  const stream = { ...raw, spec: parsed.data };
  return { stream, fault: clusterFault(stream) };
}

/** The counts are the counter's business, and change all the time. */
function withoutCounts(stream: CameraStream): CameraStream {
  if (stream.status === undefined) return stream;
  const { counts: _, ...status } = stream.status;
  return { ...stream, status };
}

/** The counter that has the stream, if one does. */
function counterOf({ status }: CameraStream): string | undefined {
  const report = status?.stream;
  return report === undefined || report.state === 'Disconnected' || report.state === 'Refused' ? undefined : report.counter;
}

function podInBrief({ apiVersion, kind, metadata, spec, status }: V1Pod): V1Pod {
  return {
    ...(apiVersion !== undefined && { apiVersion }),
    ...(kind !== undefined && { kind }),
    ...(metadata && { metadata }),
    spec: { containers: [], ...(spec?.nodeName !== undefined && { nodeName: spec.nodeName }) },
    ...(status && { status }),
  };
}

function agentOf({ metadata }: V1Pod): string | undefined {
  if (componentOf(metadata?.labels) === 'counter') return POOL;
  const stream = metadata?.labels?.[STREAM_LABEL];
  return stream === undefined ? undefined : `${metadata!.namespace}/${stream}`;
}

function isGoing(pod: V1Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

function keyOf({ metadata: { namespace, name } }: CameraStream): string {
  return `${namespace}/${name}`;
}

/** Milliseconds since 1970. */
function runsSince({ status }: V1Pod): number {
  return Date.parse(status?.containerStatuses?.[0]?.state?.running?.startedAt ?? '') || 0;
}

/** Milliseconds since 1970. */
function bornAt({ metadata }: V1Pod): number {
  return Date.parse(metadata?.creationTimestamp ?? '');
}

function refOf(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}
