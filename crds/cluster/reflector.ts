/**
 * Keeps a copy of one resource's objects on the API server, and recovers from every fault by itself:
 *
 *   listing ──▶ watching ──closed in time, or by the server──▶ watching from the latest version
 *      ▲            ├──silent, reset, 429 ──▶ back off ──▶ watching from the latest version
 *      │            └──any other fault ──▶ back off ──┐
 *      └── back off ◀── 410 or another fault ◀────────┴──▶ listing
 *
 * Invariant: the copy is a state that the server had, or lies between two of them; each difference between two states is
 * reported once. When the version is too old, or unknown to the server (an etcd restored from a backup), the resource is
 * listed again.
 */
import { type Backoff, backoffSeconds, pause } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { Watchdog } from '#proto/wire/watchdog.ts';
import { type ApiServer, ApiFault, type KubernetesObject, type Resource, type WatchEvent } from './api.ts';
import { Cache, type Change, changesOfEvent, changesOfList, keyOf } from './cache.ts';

const PAGE_OBJECTS = 500;
const BACKOFF: Backoff = { initialSeconds: 0.5, maximumSeconds: 30 };
/** A longer Retry-After, perhaps of a proxy, is ignored. */
const LONGEST_RETRY_AFTER_SECONDS = 120;
/** A watch that ends sooner has failed: a server that closes every watch at once must not be asked in a tight loop. */
const SHORT_WATCH_SECONDS = 5;
/** Spread, so that watches that began together do not end together. */
const WATCH_SECONDS = { least: 240, most: 480 };
/** Without changes, a bookmark arrives every 60 s. Measured: the first one of a new resource after 121 s. */
const SILENCE_SECONDS = 150;

export interface ReflectorOptions<T extends KubernetesObject> {
  readonly api: ApiServer;
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** What of an object is kept in memory: at least name, namespace, uid and resourceVersion; managed fields never are. */
  readonly keep?: (object: T) => T;
  /** A value by which objects can be looked up, beside their name. */
  readonly index?: (object: T) => string | undefined;
  /** Called after the copy has changed. Must not throw: that would end the reflector. */
  readonly onChange?: (object: T, deleted: boolean) => void;
  /** For metrics and logs. */
  readonly onState?: (state: ReflectorState) => void;
  readonly watchSeconds?: number;
  readonly silenceSeconds?: number;
  readonly backoff?: Backoff;
}

export type ReflectorState =
  | { readonly kind: 'listed'; readonly objects: number }
  | {
      readonly kind: 'interrupted';
      readonly during: 'list' | 'watch';
      readonly reason: Interruption;
      readonly sentence: string;
      readonly retrySeconds: number;
    };

/** `Closed` is the ordinary end of a watch. */
export type Interruption = 'Closed' | 'ClosedEarly' | 'Silent' | 'Expired' | 'Throttled' | 'Unreachable' | 'Refused' | 'ServerFault';

export class Reflector<T extends KubernetesObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #cache: Cache<T>;
  readonly #changed = new ConditionVariable();
  /** The version to watch from; undefined when the resource has to be listed. */
  #version: string | undefined;
  #synced = false;
  /** False after a list that took longer than the server keeps its version: it would never end in pages. */
  #inPages = true;
  #failures = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#cache = new Cache(options.index);
  }

  /** Whether the resource has been listed once. The copy may lag behind since. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Resolves at the first complete copy. @throws the signal's reason */
  async whenSynced(signal: AbortSignal): Promise<void> {
    while (!this.#synced) await this.#changed.wait(signal);
  }

  get(namespace: string, name: string): T | undefined {
    return this.#cache.objects.get(keyOf({ metadata: { namespace, name } }));
  }

  values(): T[] {
    return [...this.#cache.objects.values()];
  }

  indexed(value: string): T[] {
    return this.#cache.indexed(value);
  }

  /** Until the signal aborts. Does not throw for faults of the server. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const during = this.#version === undefined ? 'list' : 'watch';
      try {
        if (this.#version === undefined) await this.#list(signal);
        else await this.#watch(this.#version, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ApiFault)) throw error;
        await this.#recover(error, during, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, resource, namespace, labelSelector, fieldSelector } = this.#options;
    const listed: T[] = [];
    let version = '';
    let token: string | undefined;
    do {
      const limit = this.#inPages ? PAGE_OBJECTS : undefined;
      const page = await api.list<T>(resource, { namespace, labelSelector, fieldSelector, limit, continue: token }, signal);
      listed.push(...page.items.map((object) => this.#kept(object)));
      version = page.metadata.resourceVersion ?? '';
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (token !== undefined);
    this.#inPages = true;
    this.#version = version;
    this.#accept(changesOfList(this.#cache.objects, listed));
    this.#synced = true;
    this.#changed.notify();
    this.#options.onState?.({ kind: 'listed', objects: listed.length });
  }

  /** @throws ApiFault unless the server ends the watch in time */
  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const {
      silenceSeconds = SILENCE_SECONDS,
      watchSeconds = WATCH_SECONDS.least + Math.random() * (WATCH_SECONDS.most - WATCH_SECONDS.least),
    } = this.#options;
    const silent = new AbortController();
    const watchdog = new Watchdog(silenceSeconds, () =>
      silent.abort(new ApiFault({ code: 0, reason: 'Silent', message: `the watch was silent for ${silenceSeconds} s` })),
    );
    const began = performance.now();
    try {
      for await (const event of this.#events(version, Math.ceil(watchSeconds), AbortSignal.any([signal, silent.signal]))) {
        watchdog.reset();
        this.#failures = 0;
        // Before the change is reported: the copy and the version must agree.
        this.#version = event.object.metadata?.resourceVersion ?? this.#version;
        if (event.type !== 'BOOKMARK')
          this.#accept(changesOfEvent(this.#cache.objects, { type: event.type, object: this.#kept(event.object) }));
      }
    } finally {
      watchdog.stop();
    }
    const seconds = (performance.now() - began) / 1000;
    if (seconds < Math.min(SHORT_WATCH_SECONDS, watchSeconds / 2))
      throw new ApiFault({ code: 0, reason: 'ClosedEarly', message: `the server closed the watch after ${seconds.toFixed(1)} s` });
    this.#failures = 0;
    this.#options.onState?.({
      kind: 'interrupted',
      during: 'watch',
      reason: 'Closed',
      sentence: 'the server closed the watch',
      retrySeconds: 0,
    });
  }

  #events(resourceVersion: string, timeoutSeconds: number, signal: AbortSignal): AsyncIterable<WatchEvent<T>> {
    const { api, resource, namespace, labelSelector, fieldSelector } = this.#options;
    return api.watch<T>(resource, { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds }, signal);
  }

  async #recover(fault: ApiFault, during: 'list' | 'watch', signal: AbortSignal): Promise<void> {
    if (during === 'list') this.#inPages = fault.code !== 410;
    // A transient fault leaves the version valid. After any other one, a list brings the differences.
    else if (fault.code !== 0 && fault.code !== 429) this.#version = undefined;
    this.#failures += 1;
    const { backoff = BACKOFF, onState } = this.#options;
    const asked = Math.min(fault.retryAfterSeconds ?? 0, LONGEST_RETRY_AFTER_SECONDS);
    const retrySeconds = asked + backoffSeconds(backoff, this.#failures, Math.random());
    onState?.({ kind: 'interrupted', during, reason: interruptionOf(fault), sentence: fault.message, retrySeconds });
    await pause(retrySeconds, signal);
  }

  #accept(changes: readonly Change<T>[]): void {
    for (const change of changes) {
      this.#cache.accept(change);
      this.#options.onChange?.(change.object, change.deleted);
    }
  }

  /** Objects of a list have no apiVersion and kind, unlike those of a watch. */
  #kept(object: T): T {
    const { apiVersion, kind } = this.#options.resource;
    const { managedFields: _, ...metadata }: { managedFields?: unknown } & KubernetesObject['metadata'] = object.metadata ?? {};
    const whole = { ...object, apiVersion, kind, metadata };
    return this.#options.keep?.(whole) ?? whole;
  }
}

function interruptionOf({ code, reason }: ApiFault): Interruption {
  if (reason === 'Silent' || reason === 'ClosedEarly') return reason;
  if (code === 0) return 'Unreachable';
  if (code === 410) return 'Expired';
  if (code === 429) return 'Throttled';
  return code >= 500 ? 'ServerFault' : 'Refused';
}
