/**
 * The operator's informer caches: for each watched resource, the objects as its reflectors last saw them. An object that
 * the operator wrote is returned as written until the watch has caught up with the write.
 */
import type { ApiServer, KubernetesObject, Resource } from '#crds/cluster/api.ts';
import { keyOf } from '#crds/cluster/cache.ts';
import { Reflector, type ReflectorState } from '#crds/cluster/reflector.ts';
import type { CachedResource, Informers } from './controller.ts';
import { PendingWrites } from './pending-writes.ts';

export interface ClusterCacheOptions {
  readonly api: ApiServer;
  /** The operator's own. */
  readonly namespace: string;
  /** Namespaces that may hold streams; empty: all. */
  readonly watchNamespaces: readonly string[];
  /** For metrics and logs. */
  readonly onState: (resource: string, state: ReflectorState) => void;
}

interface Informer<T extends KubernetesObject = KubernetesObject> {
  readonly of: CachedResource<T>;
  /** One for each namespace, or a single one for all of them. */
  readonly reflectors: readonly Reflector<T>[];
  readonly handlers: ((object: T) => void)[];
}

export class ClusterCache implements Informers {
  readonly #options: ClusterCacheOptions;
  /** By plural. */
  readonly #informers = new Map<string, Informer>();
  readonly #pendingWrites = new PendingWrites();

  constructor(options: ClusterCacheOptions) {
    this.#options = options;
  }

  /** Calls `handle` after each relevant change. The first call for a resource makes its informer, and comes before `run`. */
  onChange<T extends KubernetesObject>(of: CachedResource<T>, handle: (object: T) => void): void {
    const { plural } = of.resource;
    let informer = this.#informers.get(plural) as Informer<T> | undefined;
    if (informer === undefined) {
      informer = this.#makeInformer(of);
      this.#informers.set(plural, informer as unknown as Informer);
    }
    if (informer.of !== of) throw new Error(`The cache of ${plural} is declared twice.`);
    informer.handlers.push(handle);
  }

  /** Keeps the caches up to date until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors().map((reflector) => reflector.run(signal)));
  }

  /** A sentence while a cache has not been filled for the first time. */
  unready(): string | undefined {
    return this.#reflectors().every((reflector) => reflector.synced) ? undefined : 'The informer caches are not synced yet.';
  }

  /** Resolves when all caches are filled. @throws the signal's reason */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors().map((reflector) => reflector.whenSynced(signal)));
  }

  /** The object of this name in its newest known version; also one that the operator created a moment ago. */
  get<T extends KubernetesObject>(of: CachedResource<T>, namespace: string, name: string): T | undefined {
    return this.observed(of, namespace, name) ?? (this.#pendingWrites.get(of.resource, namespace, name) as T | undefined);
  }

  /** As `get`, but nothing that no informer shows: the object is not known to be gone. */
  observed<T extends KubernetesObject>(of: CachedResource<T>, namespace: string, name: string): T | undefined {
    const cached = this.#reflectorsOf(of)
      .map((reflector) => reflector.get(namespace, name))
      .find((found) => found !== undefined);
    return cached && this.#pendingWrites.newest(of.resource, cached);
  }

  list<T extends KubernetesObject>(of: CachedResource<T>): T[] {
    return this.#reflectorsOf(of).flatMap((reflector) => reflector.values());
  }

  indexed<T extends KubernetesObject>(of: CachedResource<T>, value: string): T[] {
    return this.#reflectorsOf(of).flatMap((reflector) => reflector.indexed(value));
  }

  /** The server's answer to a write, which counts from now on. */
  recordWrite(resource: Resource, object: KubernetesObject): void {
    this.#pendingWrites.add(resource, object);
    // The watch may have been faster than the answer.
    const { namespace = '', name = '' } = object.metadata ?? {};
    for (const reflector of this.#informers.get(resource.plural)?.reflectors ?? []) {
      const cached = reflector.get(namespace, name);
      if (cached !== undefined) this.#pendingWrites.confirm(resource, cached);
    }
  }

  #makeInformer<T extends KubernetesObject>(of: CachedResource<T>): Informer<T> {
    const handlers: Informer<T>['handlers'] = [];
    const isRelevant = of.relevant === undefined ? () => true : filterOf(of.relevant);
    const { scope: _, relevant: __, ...options } = of;
    const onChange = (object: T, deleted: boolean) => {
      if (deleted) this.#pendingWrites.remove(of.resource, object);
      else this.#pendingWrites.confirm(of.resource, object);
      if (isRelevant(object, deleted)) for (const handle of handlers) handle(object);
    };
    const onState = (state: ReflectorState) => this.#options.onState(of.resource.plural, state);
    const reflectors = this.#namespacesOf(of).map(
      (namespace) => new Reflector<T>({ ...options, api: this.#options.api, namespace, onChange, onState }),
    );
    return { of, reflectors, handlers };
  }

  /** `undefined` stands for all namespaces. */
  #namespacesOf({ scope }: Pick<CachedResource<KubernetesObject>, 'scope'>): readonly (string | undefined)[] {
    const { namespace, watchNamespaces } = this.#options;
    if (scope === 'own') return [namespace];
    if (watchNamespaces.length === 0) return [undefined];
    return scope === 'watched' ? watchNamespaces : [...new Set([...watchNamespaces, namespace])];
  }

  #reflectors(): Reflector<KubernetesObject>[] {
    return [...this.#informers.values()].flatMap(({ reflectors }) => reflectors);
  }

  #reflectorsOf<T extends KubernetesObject>({ resource: { plural } }: CachedResource<T>): readonly Reflector<T>[] {
    const informer = this.#informers.get(plural);
    if (informer === undefined) throw new Error(`No controller watches ${plural}.`);
    return informer.reflectors as unknown as readonly Reflector<T>[];
  }
}

/** Whether `relevant` differs from its last value of the same object. */
function filterOf<T extends KubernetesObject>(relevant: (object: T) => unknown): (object: T, deleted: boolean) => boolean {
  const last = new Map<string, string>();
  return (object, deleted) => {
    const key = keyOf(object);
    if (deleted) return last.delete(key);
    const value = JSON.stringify(relevant(object));
    if (last.get(key) === value) return false;
    last.set(key, value);
    return true;
  };
}
