/**
 * What the operator wrote and its mirrors may not show yet. Without it, a key that is looked at again right after a
 * write would see the world of before, and write the same once more.
 */
import type { KubernetesObject, Resource } from '#crds/cluster/api.ts';

/** A mirror that has not caught up by then is broken, or the object is gone again. */
const TRUSTED_MS = 30_000;

export class WrittenObjects {
  readonly #objects = new Map<string, { readonly object: KubernetesObject; readonly until: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(resource: Resource, object: KubernetesObject): void {
    this.#objects.set(keyOf(resource, object.metadata?.namespace, object.metadata?.name), { object, until: this.#now() + TRUSTED_MS });
  }

  /** The newer one of what was written and what a mirror shows. */
  newer<T extends KubernetesObject>(resource: Resource, mirrored: T): T {
    const written = this.#trusted(keyOf(resource, mirrored.metadata?.namespace, mirrored.metadata?.name));
    return written !== undefined && versionOf(written) > versionOf(mirrored) ? (written as T) : mirrored;
  }

  /** A mirror shows this now: what was written before it has served. */
  shown(resource: Resource, mirrored: KubernetesObject): void {
    const key = keyOf(resource, mirrored.metadata?.namespace, mirrored.metadata?.name);
    const written = this.#trusted(key);
    if (written !== undefined && versionOf(written) <= versionOf(mirrored)) this.#objects.delete(key);
  }

  /** Written, and not in any mirror yet. */
  unseen(resource: Resource, namespace: string, name: string): KubernetesObject | undefined {
    return this.#trusted(keyOf(resource, namespace, name));
  }

  forget(resource: Resource, object: KubernetesObject): void {
    this.#objects.delete(keyOf(resource, object.metadata?.namespace, object.metadata?.name));
  }

  #trusted(key: string): KubernetesObject | undefined {
    const written = this.#objects.get(key);
    if (written !== undefined && written.until < this.#now()) this.#objects.delete(key);
    else return written?.object;
    return undefined;
  }
}

/**
 * Resource versions of one resource are numbers that rise:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
function versionOf({ metadata }: KubernetesObject): bigint {
  return BigInt(metadata?.resourceVersion ?? 0);
}

function keyOf({ plural }: Resource, namespace: string | undefined, name: string | undefined): string {
  return `${plural}/${namespace}/${name}`;
}
