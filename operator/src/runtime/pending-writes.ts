/**
 * Objects that the operator wrote and that its informer caches may not show yet. Without them, a key that is reconciled
 * right after a write would see the state before it and write again.
 */
import type { KubernetesObject, Resource } from '#crds/cluster/api.ts';

/** An informer that lags behind for longer has failed, or the object was deleted again. */
const EXPIRY_MS = 30_000;

export class PendingWrites {
  readonly #objects = new Map<string, { readonly object: KubernetesObject; readonly expiresAt: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(resource: Resource, object: KubernetesObject): void {
    this.#objects.set(keyOf(resource, object.metadata?.namespace, object.metadata?.name), { object, expiresAt: this.#now() + EXPIRY_MS });
  }

  /** The write of this name that no informer has shown, if there is one. */
  get(resource: Resource, namespace: string, name: string): KubernetesObject | undefined {
    return this.#unexpired(keyOf(resource, namespace, name));
  }

  /** The newer one of a cached object and the write of its name. */
  newest<T extends KubernetesObject>(resource: Resource, cached: T): T {
    const written = this.#unexpired(keyOf(resource, cached.metadata?.namespace, cached.metadata?.name));
    return written !== undefined && versionOf(written) > versionOf(cached) ? (written as T) : cached;
  }

  /** An informer shows this version: a write up to it is no longer pending. */
  confirm(resource: Resource, cached: KubernetesObject): void {
    const key = keyOf(resource, cached.metadata?.namespace, cached.metadata?.name);
    const written = this.#unexpired(key);
    if (written !== undefined && versionOf(written) <= versionOf(cached)) this.#objects.delete(key);
  }

  remove(resource: Resource, object: KubernetesObject): void {
    this.#objects.delete(keyOf(resource, object.metadata?.namespace, object.metadata?.name));
  }

  #unexpired(key: string): KubernetesObject | undefined {
    const written = this.#objects.get(key);
    if (written !== undefined && written.expiresAt < this.#now()) this.#objects.delete(key);
    else return written?.object;
    return undefined;
  }
}

/** Versions of a resource are increasing numbers: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
function versionOf({ metadata }: KubernetesObject): bigint {
  return BigInt(metadata?.resourceVersion ?? 0);
}

function keyOf({ plural }: Resource, namespace: string | undefined, name: string | undefined): string {
  return `${plural}/${namespace}/${name}`;
}
