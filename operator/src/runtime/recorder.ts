/**
 * Events, for `kubectl describe` and `kubectl events`. A repeated Event becomes a series of the first one:
 *
 *   recorded ──▶ created ──repeated within 6 min──▶ counted, and patched at most every 10 s
 *                        └──not repeated for 6 min──▶ forgotten: the next one is a new Event
 *
 * Recording never waits and never fails: Events are written in the background; a failed write is logged and counted.
 */
import { randomBytes } from 'node:crypto';
import { type ApiFault, type ApiServer, isNotFound, type KubernetesObject, resources } from '#crds/cluster/api.ts';
import type { Log } from '#proto/process/log.ts';
import { type Clock, monotonic } from './clock.ts';
import { microTime } from './lease.ts';
import { WorkQueue } from './queue.ts';

const SERIES_SECONDS = 360;
const PATCH_SECONDS = 10;
/** The limits of client-go: a burst of 25 writes for an object, then one in 5 minutes. */
const BURST = 25;
const REFILL_SECONDS = 300;
/** Of series, and of objects; the least recently used is forgotten first. */
const MOST_KEPT = 4096;
/** An Event is given up after so many failures in a row, which takes about 8 s. */
const MOST_TRIES = 6;
const WRITERS = 2;
const FLUSH_SECONDS = 5;
/** The API's limit, in characters. */
const LONGEST_NOTE = 1024;

export interface NewEvent {
  /** The object, with its uid: another one may get the same name later. */
  readonly regarding: KubernetesObject;
  readonly type: 'Normal' | 'Warning';
  /** One word, such as CameraConnected. */
  readonly reason: string;
  /** What the operator did or tried, in one word. */
  readonly action: string;
  /** A sentence for the user. */
  readonly note: string;
}

export type EventResult = 'created' | 'patched' | 'dropped' | 'failed';

export interface RecorderOptions {
  readonly api: ApiServer;
  /** Such as footfall.dev/operator. */
  readonly controller: string;
  /** The pod's name. */
  readonly instance: string;
  readonly log: Log;
  readonly onResult?: (result: EventResult) => void;
  readonly patchSeconds?: number;
  readonly clock?: Clock;
}

interface Series {
  readonly event: NewEvent;
  /** Wall clock. */
  readonly first: Date;
  last: Date;
  /** By the monotonic clock. */
  lastSeconds: number;
  count: number;
  /** Of the Event on the server, once it is created. */
  name?: string | undefined;
  writtenCount: number;
  writtenSeconds: number;
  tries: number;
}

export class EventRecorder {
  readonly #options: RecorderOptions;
  readonly #clock: Clock;
  readonly #series = new Map<string, Series>();
  readonly #allowances = new Map<string, Allowance>();
  readonly #queue: WorkQueue;
  readonly #stop = new AbortController();
  readonly #writing: Promise<void>;

  /** Writes in the background, until it is stopped. */
  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? monotonic;
    this.#queue = new WorkQueue({ clock: this.#clock });
    const { signal } = this.#stop;
    this.#writing = this.#queue.run({ workers: WRITERS, process: (key) => this.#process(key, signal), signal });
  }

  record(event: NewEvent): void {
    const key = keyOf(event);
    const now = this.#clock.now();
    let series = this.#series.get(key);
    if (series === undefined || now - series.lastSeconds > SERIES_SECONDS) {
      // An Event over the limit is dropped: later it would be out of date.
      if (this.#allowance(event.regarding).take(now) > 0) {
        this.#count('dropped');
        return;
      }
      series = {
        event,
        first: new Date(),
        last: new Date(),
        lastSeconds: now,
        count: 0,
        writtenCount: 0,
        writtenSeconds: -Infinity,
        tries: 0,
      };
    }
    series.count += 1;
    series.last = new Date();
    series.lastSeconds = now;
    keepLatest(this.#series, key, series);
    if (series.name === undefined) this.#queue.add(key);
    else this.#queue.addAfter(key, this.#untilPatch(series, now));
  }

  /** Writes pending Events, for some seconds at most. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the recorder stops'));
    await this.#writing;
    const end = AbortSignal.timeout(FLUSH_SECONDS * 1000);
    const left = [...this.#series.values()].filter((series) => series.count > series.writtenCount);
    for (const series of left) await this.#write(series, end).catch((error: unknown) => this.#giveUp(series, error));
  }

  /** @throws ApiFault for a write to retry */
  async #process(key: string, signal: AbortSignal): Promise<{ requeueAfterSeconds?: number }> {
    const series = this.#series.get(key);
    if (series === undefined || series.count === series.writtenCount) return {};
    if (series.name !== undefined) {
      const now = this.#clock.now();
      const wait = this.#untilPatch(series, now) || this.#allowance(series.event.regarding).take(now);
      if (wait > 0) return { requeueAfterSeconds: wait };
    }
    try {
      await this.#write(series, signal);
      series.tries = 0;
    } catch (error) {
      if (signal.aborted) return {};
      series.tries += 1;
      if ((error as ApiFault).transient && series.tries < MOST_TRIES) throw error;
      this.#giveUp(series, error);
      this.#series.delete(key);
    }
    return {};
  }

  async #write(series: Series, signal: AbortSignal): Promise<void> {
    const { count } = series;
    if (series.name === undefined || !(await this.#patch(series, count, signal))) await this.#create(series, count, signal);
    series.writtenCount = count;
    series.writtenSeconds = this.#clock.now();
  }

  /** False when the Event is gone: the API server keeps Events for an hour. */
  async #patch({ event, name, last }: Series, count: number, signal: AbortSignal): Promise<boolean> {
    const { namespace } = referenceOf(event);
    try {
      await this.#options.api.merge(
        resources.events,
        { namespace, name },
        { series: { count, lastObservedTime: microTime(last) } },
        signal,
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return false;
    }
    this.#count('patched');
    return true;
  }

  async #create(series: Series, count: number, signal: AbortSignal): Promise<void> {
    const { event: described, first, last } = series;
    const { regarding, type, reason, action, note } = described;
    const { name: about, namespace, ...reference } = referenceOf(described);
    const { api, controller, instance } = this.#options;
    // Unique, and 253 characters at most.
    const name = `${about.slice(0, 230)}.${randomBytes(8).toString('hex')}`;
    const event: KubernetesObject & Record<string, unknown> = {
      apiVersion: resources.events.apiVersion,
      kind: resources.events.kind,
      metadata: { namespace, name },
      eventTime: microTime(first),
      reportingController: controller,
      reportingInstance: instance,
      regarding: { ...reference, name: about, namespace: regarding.metadata?.namespace },
      type,
      reason,
      action,
      note: note.slice(0, LONGEST_NOTE),
      // A series counts two Events or more.
      ...(count > 1 && { series: { count, lastObservedTime: microTime(last) } }),
    };
    await api.create(resources.events, event, signal);
    series.name = name;
    this.#count('created');
  }

  #untilPatch({ writtenSeconds }: Series, now: number): number {
    return Math.max(0, writtenSeconds + (this.#options.patchSeconds ?? PATCH_SECONDS) - now);
  }

  #allowance({ kind, metadata }: KubernetesObject): Allowance {
    const key = `${kind}/${metadata?.namespace}/${metadata?.name}/${metadata?.uid}`;
    const allowance = this.#allowances.get(key) ?? new Allowance();
    keepLatest(this.#allowances, key, allowance);
    return allowance;
  }

  #giveUp({ event: { reason, regarding } }: Series, error: unknown): void {
    this.#count('failed');
    this.#options.log.warn({ sentence: (error as Error).message, reason, name: regarding.metadata?.name }, 'event not written');
  }

  #count(result: EventResult): void {
    this.#options.onResult?.(result);
  }
}

/** A token bucket of writes, full at first. */
class Allowance {
  #left = BURST;
  #at = -Infinity;

  /** Takes a token if there is one. Returns the seconds until there is one. */
  take(now: number): number {
    this.#left = Math.min(BURST, this.#left + (now - this.#at) / REFILL_SECONDS);
    this.#at = now;
    if (this.#left < 1) return (1 - this.#left) * REFILL_SECONDS;
    this.#left -= 1;
    return 0;
  }
}

function keyOf({ regarding: { kind, metadata }, type, reason, note }: NewEvent): string {
  return JSON.stringify([kind, metadata?.namespace, metadata?.name, metadata?.uid, type, reason, note]);
}

/** An Event has the namespace of its object, or `default` for an object without one. */
function referenceOf({ regarding: { apiVersion, kind, metadata } }: NewEvent) {
  return {
    apiVersion,
    kind,
    namespace: metadata?.namespace ?? 'default',
    name: metadata?.name ?? '',
    uid: metadata?.uid,
    resourceVersion: metadata?.resourceVersion,
  };
}

/** A map keeps the order of insertion: the first key is the least recently used. */
function keepLatest<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST_KEPT) map.delete(map.keys().next().value!);
}
