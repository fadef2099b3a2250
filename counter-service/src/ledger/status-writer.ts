/**
 * Writes one stream's status for the term that it holds.
 *
 *   commit, report ─▶ entry to write ─▶ its turn ─▶ written, if it differs ─┬▶ the next write
 *                                          ▲                                │
 *                                          └── conflict in the same term; no answer
 *
 * One write is under way at a time. The next write carries the latest counts and the latest report that came meanwhile,
 * so a report rides with a commit and nothing queues up. A fault ends the writer and aborts `lost`.
 */
import { backoffSeconds } from '#proto/process/backoff.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { ApiFault, isConflict, isNotFound } from '#crds/cluster/api.ts';
import { canonical } from '#crds/cluster/canonical.ts';
import type { CountsStatus } from '#crds/schema.ts';
import { messageOf, Refused } from '../refusal.ts';
import type { StatusClient } from './status-client.ts';
import { withEmptyZones, type CameraStreamObject, type WholeEntry, readingOf, streamStatus } from './entry.ts';
import { type CommittedCounts, Fenced, type StreamReport, type LedgerWriter } from './ledger.ts';

/** Meanwhile the agent's ring keeps what is not committed; it holds two minutes. */
const GIVE_UP_SECONDS = 30;
const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 5 };
/** One wait for the turn, and one write. */
const CLOSE_SECONDS = 5;

export interface Claim {
  readonly stream: StreamName;
  readonly session: string;
  /** What the earlier terms committed. */
  readonly counts: CommittedCounts | undefined;
  readonly entry: WholeEntry;
  readonly resourceVersion: string;
}

export class StatusWriter implements LedgerWriter {
  readonly term: number;
  readonly counts: CommittedCounts | undefined;
  readonly #client: StatusClient;
  readonly #stream: StreamName;
  readonly #session: string;
  readonly #ended = new AbortController();
  #resourceVersion: string;
  #written: WholeEntry;
  #desiredCounts: CountsStatus;
  #report: StreamReport;
  /** The write whose turn has not come yet: it carries what comes now. */
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(client: StatusClient, { stream, session, counts, entry, resourceVersion }: Claim) {
    this.#client = client;
    this.#stream = stream;
    this.#session = session;
    this.term = entry.counts.term;
    this.counts = counts;
    this.#written = entry;
    this.#desiredCounts = entry.counts;
    this.#report = entry.stream;
    this.#resourceVersion = resourceVersion;
  }

  get lost(): AbortSignal {
    return this.#ended.signal;
  }

  get latestReport(): StreamReport {
    return this.#report;
  }

  /** Whether the status shows the latest counts and the latest report. */
  get isWritten(): boolean {
    return this.#entry() === this.#written;
  }

  commit(counts: CommittedCounts): Promise<void> {
    this.#desiredCounts = { ...counts, term: this.term };
    return this.#flush();
  }

  defer(counts: CommittedCounts): void {
    this.#desiredCounts = { ...counts, term: this.term };
  }

  report(report: StreamReport): void {
    this.#report = report;
    if (this.isWritten) return;
    // A fault of the write aborts `lost`.
    this.#flush().catch(() => undefined);
  }

  async close(): Promise<void> {
    const closed = new AbortController();
    await Promise.race([this.#last, this.#client.clock.pause(CLOSE_SECONDS, closed.signal)]);
    closed.abort();
    this.end(new Error('The ledger writer is closed.'));
  }

  /** Stops all writes, also one that waits for its turn. */
  end(reason: Error): void {
    this.#ended.abort(reason);
  }

  #flush(): Promise<void> {
    if (this.#next === undefined) {
      this.#next = this.#write(this.#last);
      this.#last = this.#next.catch(() => undefined);
    }
    return this.#next;
  }

  async #write(before: Promise<void>): Promise<void> {
    await before;
    try {
      await this.#client.waitForTurn(this.#stream, this.#ended.signal);
      this.#next = undefined;
      const entry = this.#entry();
      if (entry === this.#written) return;
      await this.#writeWithRetries(entry);
      this.#written = entry;
    } catch (error) {
      this.#ended.abort(error);
      throw error;
    }
  }

  /** The entry to write; the same object as the written entry when both say the same. */
  #entry(): WholeEntry {
    const now = this.#client.clock.date().toISOString();
    const author = { counter: this.#client.counter, session: this.#session, now };
    const entry = {
      counts: withEmptyZones(this.#desiredCounts, this.#report),
      stream: streamStatus(this.#written.stream, this.#report, author),
    };
    return canonical(entry) === canonical(this.#written) ? this.#written : entry;
  }

  /** Retries are idempotent: if the answer to a write was lost, writing the same entry again changes nothing. */
  async #writeWithRetries(entry: WholeEntry): Promise<void> {
    const { clock } = this.#client;
    const giveUpAt = clock.seconds() + GIVE_UP_SECONDS;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { metadata } = await this.#client.write(this.#stream, this.#resourceVersion, entry, this.lost);
        this.#resourceVersion = metadata?.resourceVersion ?? '';
        return;
      } catch (error) {
        const wait = await this.#waitAfter(error, attempt);
        if (clock.seconds() + wait > giveUpAt) throw unavailable(error);
        await clock.pause(wait, this.lost);
      }
    }
  }

  /** Seconds until the next attempt. @throws Fenced or Refused when a retry cannot help. */
  async #waitAfter(error: unknown, attempt: number): Promise<number> {
    this.lost.throwIfAborted();
    const fault = error instanceof ApiFault ? error : undefined;
    if (isConflict(error) || isNotFound(error) || fault?.code === 422) await this.#readAgain();
    else if (fault?.transient !== true) throw unavailable(error);
    // The term is still held, so the API server finds the counts themselves invalid: a retry cannot help.
    if (fault?.code === 422) throw unavailable(error);
    return Math.max(fault?.retryAfterSeconds ?? 0, backoffSeconds(BACKOFF, attempt, Math.random()));
  }

  /** @throws Fenced when another counter, or a newer call, has the stream; Refused when the stream no longer exists. */
  async #readAgain(): Promise<void> {
    let current: CameraStreamObject;
    try {
      current = await this.#client.read(this.#stream, this.lost);
    } catch (error) {
      if (error instanceof ApiFault && error.transient) return;
      throw error instanceof ApiFault ? unavailable(error) : error;
    }
    const { term, session } = readingOf(current);
    if (term !== this.term || session !== this.#session) {
      throw new Fenced(`Term ${term} was taken: term ${this.term} may not commit any more.`);
    }
    this.#resourceVersion = current.metadata?.resourceVersion ?? '';
  }
}

export function unavailable(error: unknown): Refused {
  return new Refused('LEDGER_UNAVAILABLE', `The status cannot be read or written: ${messageOf(error)}.`);
}
