/**
 * A controller: the resources that it watches, and how it reconciles one key. Its informer caches, its work queue and its
 * metrics follow from that:
 *
 *   a watched object changes ─▶ keyOf ─▶ work queue ─▶ reconcile(key) ─▶ done, again later, or retried with backoff
 *
 * A key says what to look at, never what happened to it: a pass reads the current state, and one pass more does no harm.
 */
import type { KubernetesObject, Resource } from '#crds/cluster/api.ts';
import { type QueueOptions, WorkQueue } from './queue.ts';

/** How a reconciliation ended. A transient fault is thrown instead. */
export interface Pass {
  readonly requeueAfterSeconds?: number;
}

/** A resource with an informer cache, which all controllers that watch the resource share. */
export interface CachedResource<T extends KubernetesObject> {
  readonly resource: Resource;
  /** Watched in the namespaces that may hold streams, in the operator's own, or in both. */
  readonly scope: 'watched' | 'own' | 'both';
  readonly labelSelector?: string;
  /** What of an object is kept in memory. */
  readonly keep?: (object: T) => T;
  /** A value by which objects can be looked up, beside their name. */
  readonly index?: (object: T) => string | undefined;
  /** A change that leaves this value as it was reaches no controller. */
  readonly relevant?: (object: T) => unknown;
}

export interface Watch<T extends KubernetesObject = KubernetesObject> {
  readonly of: CachedResource<T>;
  /** The key to reconcile after a change of the object, if the object concerns the controller. */
  readonly keyOf: (object: T) => string | undefined;
}

export interface Controller {
  /** In metrics and logs. */
  readonly name: string;
  /** How many keys are reconciled at a time. */
  readonly workers: number;
  readonly watches: readonly Watch[];
  /** How long changes are collected before a key is reconciled once for all of them. */
  readonly delaySeconds?: number;
  readonly allKeys: () => readonly string[];
  /** @throws for a transient fault: the key is retried with backoff. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Pass>;
}

/** A watch whose functions know the type of their object, for the list of a controller. */
export function watch<T extends KubernetesObject>(of: CachedResource<T>, keyOf: Watch<T>['keyOf']): Watch {
  return { of, keyOf } as unknown as Watch;
}

/** The informer caches as a controller sees them. */
export interface Informers {
  onChange<T extends KubernetesObject>(of: CachedResource<T>, handle: (object: T) => void): void;
}

/** Fills with keys at all times, and is worked off while this replica leads. */
export class ControllerQueue {
  readonly #controller: Controller;
  readonly #queue: WorkQueue;

  constructor(controller: Controller, informers: Informers, options: QueueOptions = {}) {
    this.#controller = controller;
    this.#queue = new WorkQueue(options);
    for (const { of, keyOf } of controller.watches) {
      informers.onChange(of, (object) => {
        const key = keyOf(object);
        if (key === undefined) return;
        if (controller.delaySeconds === undefined) this.#queue.add(key);
        else this.#queue.addAfter(key, controller.delaySeconds);
      });
    }
  }

  reconcileAll(): void {
    for (const key of this.#controller.allKeys()) this.#queue.add(key);
  }

  /** Until the signal aborts. Begins with every key: the previous leader may have left any of them half done. */
  async run(signal: AbortSignal): Promise<void> {
    this.reconcileAll();
    await this.#queue.run({ workers: this.#controller.workers, process: (key) => this.#controller.reconcile(key, signal), signal });
  }
}
