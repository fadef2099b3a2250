/**
 * Elects one leader among several replicas, by a Lease, as client-go does:
 *
 *   waiting ──free, released, or not renewed for its duration──▶ leading ──stop──▶ released
 *                                                                  └──not renewed in time, or taken──▶ lost: throws
 *
 * Clocks of different machines are never compared: a lease has expired when this replica has seen no change of it for its
 * duration. A leader gives up earlier: it counts from before it sent the last renewal, the other replicas from after.
 */
import { ApiFault, type ApiServer, isConflict, isNotFound, type KubernetesObject, resources } from '#crds/cluster/api.ts';
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';

const LEASE_SECONDS = 15;
const RENEW_SECONDS = 10;
const RETRY_SECONDS = 2;
/** The part of the retry period that is random. */
const JITTER = 0.2;
const RELEASE_SECONDS = 5;

export interface LeaseOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly name: string;
  /** This replica's: the name of its pod. */
  readonly identity: string;
  readonly log: Log;
  readonly onLeading?: (leading: boolean) => void;
  /** After so long without a renewal, another replica may take the lease. */
  readonly leaseSeconds?: number;
  /** After so long without a renewal, the leader gives up. */
  readonly renewSeconds?: number;
  readonly retrySeconds?: number;
}

/** Times are MicroTime: RFC 3339 with six digits. */
interface LeaseObject extends KubernetesObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** The lease could not be renewed. Another replica may lead: the process has to end. */
export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

export class LeaderLease {
  readonly #options: Required<LeaseOptions>;
  /** As last read or written. */
  #lease: LeaseObject | undefined;
  /** When this version was first seen, by the monotonic clock. */
  #seenAt = -Infinity;
  #renewedAt = -Infinity;

  constructor(options: LeaseOptions) {
    this.#options = {
      leaseSeconds: LEASE_SECONDS,
      renewSeconds: RENEW_SECONDS,
      retrySeconds: RETRY_SECONDS,
      onLeading: () => undefined,
      ...options,
    };
  }

  /**
   * Waits until this replica leads, then works. The lease is renewed until the work has ended, also after the signal, and
   * then released.
   * @throws LeadershipLost when it cannot be renewed; the work is aborted first, and may take the rest of the lease to end.
   */
  async lead(signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!(await this.#acquire(signal))) return;
    const { identity, log, onLeading, leaseSeconds, renewSeconds } = this.#options;
    log.info({ identity }, 'leading');
    onLeading(true);
    const over = new AbortController();
    const lost = new AbortController();
    const renewing = this.#renew(over.signal).catch((error: unknown) => lost.abort(error));
    try {
      const working = work(AbortSignal.any([signal, lost.signal]));
      await Promise.race([working, after(lost.signal, leaseSeconds - renewSeconds)]);
    } finally {
      over.abort();
      await renewing;
      onLeading(false);
      if (!lost.signal.aborted) await this.#release();
    }
    lost.signal.throwIfAborted();
  }

  /** False when the signal aborted before. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { log, retrySeconds, renewSeconds } = this.#options;
    while (!signal.aborted) {
      const soon = within(renewSeconds, signal);
      try {
        if (await this.#tryToHold(soon)) return true;
      } catch (error) {
        if (!(error instanceof ApiFault) && !soon.aborted) throw error;
        if (!signal.aborted) log.warn({ sentence: (error as Error).message }, 'the lease cannot be read or acquired');
      }
      await pause(jittered(retrySeconds), signal);
    }
    return false;
  }

  /** Renews until the work is over. @throws LeadershipLost */
  async #renew(over: AbortSignal): Promise<void> {
    const { log, retrySeconds, renewSeconds } = this.#options;
    for (;;) {
      // Not beyond the deadline, even if a request hangs.
      await pause(Math.min(jittered(retrySeconds), this.#renewedAt + renewSeconds - now()), over);
      if (over.aborted) return;
      const left = this.#renewedAt + renewSeconds - now();
      if (left <= 0) throw new LeadershipLost(`The lease could not be renewed for ${renewSeconds} s.`);
      const inTime = within(left, over);
      try {
        const held = await this.#tryToHold(inTime);
        if (!held) throw new LeadershipLost(`The lease was taken by ${this.#lease?.spec?.holderIdentity ?? 'another replica'}.`);
      } catch (error) {
        if (!(error instanceof ApiFault) && !inTime.aborted) throw error;
        if (!over.aborted) log.warn({ sentence: (error as Error).message }, 'the lease was not renewed');
      }
    }
  }

  /** Acquires the lease if it is free, or renews it if it is this replica's. */
  async #tryToHold(signal: AbortSignal): Promise<boolean> {
    const { api, namespace, name, identity } = this.#options;
    const began = now();
    try {
      // A holder need not read what it wrote: if that was changed, the server answers with a conflict.
      if (!this.#isMine()) this.#observe(await api.get<LeaseObject>(resources.leases, { namespace, name }, signal));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#lease = undefined;
    }
    if (this.#lease !== undefined && !this.#isMine() && !this.#isExpired()) return false;
    try {
      const wanted = this.#desired(identity);
      this.#observe(
        await (this.#lease === undefined ? api.create(resources.leases, wanted, signal) : api.replace(resources.leases, wanted, signal)),
      );
      this.#renewedAt = began;
      return true;
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      return this.#resolve(error, signal);
    }
  }

  /** The lease was written meanwhile: by another replica, or by this one with an answer that was lost. */
  async #resolve(conflict: unknown, signal: AbortSignal): Promise<boolean> {
    const { api, namespace, name } = this.#options;
    this.#lease = undefined;
    this.#observe(await api.get<LeaseObject>(resources.leases, { namespace, name }, signal));
    // Still this replica's: the next try renews the version that was read.
    if (this.#isMine()) throw conflict;
    return false;
  }

  #observe(lease: LeaseObject): void {
    if (lease.metadata?.resourceVersion !== this.#lease?.metadata?.resourceVersion) this.#seenAt = now();
    this.#lease = lease;
  }

  #isMine(): boolean {
    return this.#lease?.spec?.holderIdentity === this.#options.identity;
  }

  #isExpired(): boolean {
    const { holderIdentity = '', leaseDurationSeconds = this.#options.leaseSeconds } = this.#lease?.spec ?? {};
    return holderIdentity === '' || now() > this.#seenAt + leaseDurationSeconds;
  }

  #desired(holderIdentity: string): LeaseObject {
    const { namespace, name, leaseSeconds } = this.#options;
    const { holderIdentity: before = '', acquireTime, leaseTransitions = 0 } = this.#lease?.spec ?? {};
    const goesOn = holderIdentity === before || holderIdentity === '';
    const time = microTime(new Date());
    return {
      apiVersion: resources.leases.apiVersion,
      kind: resources.leases.kind,
      metadata: { ...this.#lease?.metadata, namespace, name },
      spec: {
        holderIdentity,
        // A whole number above 0; a released lease counts as expired.
        leaseDurationSeconds: holderIdentity === '' ? 1 : Math.ceil(leaseSeconds),
        acquireTime: goesOn ? (acquireTime ?? time) : time,
        renewTime: time,
        leaseTransitions: goesOn ? leaseTransitions : leaseTransitions + (this.#lease === undefined ? 0 : 1),
      },
    };
  }

  async #release(): Promise<void> {
    const { api, namespace, name, log } = this.#options;
    const signal = AbortSignal.timeout(RELEASE_SECONDS * 1000);
    try {
      // The last renewal was cancelled and may have been written all the same.
      this.#observe(await api.get<LeaseObject>(resources.leases, { namespace, name }, signal));
      if (this.#isMine()) this.#observe(await api.replace(resources.leases, this.#desired(''), signal));
    } catch (error) {
      log.warn({ sentence: (error as Error).message }, 'the lease was not released: the next leader waits until it expires');
    }
  }
}

/** RFC 3339 with six digits, as the API server requires. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

function now(): number {
  return performance.now() / 1000;
}

/** Aborts with the signal, or after this time. */
function within(seconds: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(seconds * 1000))]);
}

function jittered(seconds: number): number {
  return seconds * (1 - JITTER + 2 * JITTER * Math.random());
}

/** Resolves this long after the signal aborts. */
function after(signal: AbortSignal, seconds: number): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => setTimeout(resolve, seconds * 1000).unref(), { once: true });
  });
}
