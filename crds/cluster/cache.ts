/** A reflector's cache: the latest state of each object, by `namespace/name` and by an index. */
import type { KubernetesObject, WatchEvent } from './api.ts';

export interface Change<T> {
  /** For a deletion, the last state that was seen. */
  readonly object: T;
  readonly deleted: boolean;
}

/** `namespace/name`; for an object without a namespace, `/name`. */
export function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** What an event changes in the cache. */
export function changesOfEvent<T extends KubernetesObject>(known: ReadonlyMap<string, T>, { type, object }: WatchEvent<T>): Change<T>[] {
  if (type === 'BOOKMARK') return [];
  const before = known.get(keyOf(object));
  if (type === 'DELETED') return before === undefined ? [] : [{ object, deleted: true }];
  return changesBetween(before, object);
}

/** What a complete list changes in the cache: objects that are not in it were deleted. */
export function changesOfList<T extends KubernetesObject>(known: ReadonlyMap<string, T>, listed: readonly T[]): Change<T>[] {
  const present = new Set(listed.map(keyOf));
  const deleted = [...known].filter(([key]) => !present.has(key)).map(([, object]) => ({ object, deleted: true }));
  return [...deleted, ...listed.flatMap((object) => changesBetween(known.get(keyOf(object)), object))];
}

/** Another object of the same name is a deletion and an addition. */
function changesBetween<T extends KubernetesObject>(before: T | undefined, after: T): Change<T>[] {
  if (before === undefined) return [{ object: after, deleted: false }];
  if (before.metadata?.uid !== after.metadata?.uid)
    return [
      { object: before, deleted: true },
      { object: after, deleted: false },
    ];
  return before.metadata?.resourceVersion === after.metadata?.resourceVersion ? [] : [{ object: after, deleted: false }];
}

export class Cache<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  /** Keys of the objects that share an index value; never an empty set. */
  readonly #byIndex = new Map<string, Set<string>>();
  readonly #index: (object: T) => string | undefined;

  constructor(index: (object: T) => string | undefined = () => undefined) {
    this.#index = index;
  }

  get objects(): ReadonlyMap<string, T> {
    return this.#objects;
  }

  indexed(value: string): T[] {
    return [...(this.#byIndex.get(value) ?? [])].map((key) => this.#objects.get(key)!);
  }

  accept({ object, deleted }: Change<T>): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before !== undefined) this.#unindex(key, before);
    if (deleted) {
      this.#objects.delete(key);
      return;
    }
    this.#objects.set(key, object);
    const value = this.#index(object);
    if (value === undefined) return;
    const keys = this.#byIndex.get(value);
    if (keys === undefined) this.#byIndex.set(value, new Set([key]));
    else keys.add(key);
  }

  #unindex(key: string, object: T): void {
    const value = this.#index(object);
    if (value === undefined) return;
    const keys = this.#byIndex.get(value);
    keys?.delete(key);
    if (keys?.size === 0) this.#byIndex.delete(value);
  }
}
