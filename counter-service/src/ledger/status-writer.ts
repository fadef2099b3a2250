/**
 * One counter's right to write a stream's status, and the writing.
 *
 *   commit, report ─▶ what is to be shown ─▶ its turn ─▶ written, if it differs ─┬▶ the next
 *                                                ▲                               │
 *                                                └── a conflict, and still ours; no answer
 *
 * One write is under way at a time. What comes meanwhile is taken along by the next one, the latest of each; so a state
 * rides with a commit, and nothing queues up. A fault ends the tenure: `lost` says so to the stream.
 */
import { backoffSeconds } from '#proto/process/backoff.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { ApiFault, isConflict, isNotFound } from '#crds/cluster/api.ts';
import { canonical } from '#crds/cluster/canonical.ts';
import type { CountsStatus } from '#crds/schema.ts';
import { Refused } from '../refusal.ts';
import type { StatusClient } from './status-client.ts';
import { asSeen, type Ledgered, type WholeEntry, readingOf, streamStatus } from './entry.ts';
import { type CommittedCounts, Fenced, type StreamReport, type LedgerWriter } from './ledger.ts';

/** Meanwhile the agent keeps what is not committed: its ring is made for two minutes. */
const GIVE_UP_SECONDS = 30;
const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 5 };
/** A turn, and a write. */
const CLOSE_SECONDS = 5;

export interface Taken {
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
  readonly #desk: StatusClient;
  readonly #stream: StreamName;
  readonly #session: string;
  readonly #over = new AbortController();
  #resourceVersion: string;
  #written: WholeEntry;
  #wanted: CountsStatus;
  #report: StreamReport;
  /** The write that takes along what comes now, until its turn has come. */
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(desk: StatusClient, { stream, session, counts, entry, resourceVersion }: Taken) {
    this.#desk = desk;
    this.#stream = stream;
    this.#session = session;
    this.term = entry.counts.term;
    this.counts = counts;
    this.#written = entry;
    this.#wanted = entry.counts;
    this.#report = entry.stream;
    this.#resourceVersion = resourceVersion;
  }

  get lost(): AbortSignal {
    return this.#over.signal;
  }

  /** What it said last, when that is not what stands in the status. */
  get unsaid(): StreamReport | undefined {
    return this.#entry() === this.#written ? undefined : this.#report;
  }

  commit(counts: CommittedCounts): Promise<void> {
    this.#wanted = { ...counts, term: this.term };
    return this.#flush();
  }

  defer(counts: CommittedCounts): void {
    this.#wanted = { ...counts, term: this.term };
  }

  report(report: StreamReport): void {
    this.#report = report;
    if (this.#entry() === this.#written) return;
    // Its fault is told by `lost`.
    this.#flush().catch(() => undefined);
  }

  async close(): Promise<void> {
    const closed = new AbortController();
    await Promise.race([this.#last, this.#desk.clock.pause(CLOSE_SECONDS, closed.signal)]);
    closed.abort();
    this.end(new Error('The tenure is closed.'));
  }

  /** Nothing is written any more, whatever was to be. */
  end(reason: Error): void {
    this.#over.abort(reason);
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
      await this.#desk.turn(this.#stream, this.#over.signal);
      this.#next = undefined;
      const entry = this.#entry();
      if (entry === this.#written) return;
      await this.#writeUntilTaken(entry);
      this.#written = entry;
    } catch (error) {
      this.#over.abort(error);
      throw error;
    }
  }

  /** What is to stand in the status; the very entry that stands there when it says the same. */
  #entry(): WholeEntry {
    const now = this.#desk.clock.date().toISOString();
    const speaker = { counter: this.#desk.counter, session: this.#session, now };
    const entry = { counts: asSeen(this.#wanted, this.#report), stream: streamStatus(this.#written.stream, this.#report, speaker) };
    return canonical(entry) === canonical(this.#written) ? this.#written : entry;
  }

  /** To write the same twice does no harm: one that was taken, though its answer was lost, changes nothing the next time. */
  async #writeUntilTaken(entry: WholeEntry): Promise<void> {
    const { clock } = this.#desk;
    const giveUpAt = clock.seconds() + GIVE_UP_SECONDS;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { metadata } = await this.#desk.write(this.#stream, this.#resourceVersion, entry, this.lost);
        this.#resourceVersion = metadata?.resourceVersion ?? '';
        return;
      } catch (error) {
        const wait = await this.#waitAfter(error, attempt);
        if (clock.seconds() + wait > giveUpAt) throw unavailable(error);
        await clock.pause(wait, this.lost);
      }
    }
  }

  /** Seconds until another try makes sense. @throws Fenced or Refused when none does. */
  async #waitAfter(error: unknown, attempt: number): Promise<number> {
    this.lost.throwIfAborted();
    const fault = error instanceof ApiFault ? error : undefined;
    if (isConflict(error) || isNotFound(error) || fault?.code === 422) await this.#readAgain();
    else if (fault?.transient !== true) throw unavailable(error);
    // It is still ours, and yet not as it should be: to say it again would not help.
    if (fault?.code === 422) throw unavailable(error);
    return Math.max(fault?.retryAfterSeconds ?? 0, backoffSeconds(BACKOFF, attempt, Math.random()));
  }

  /** @throws Fenced when another counter, or another call, has the stream; Refused when there is no such stream any more. */
  async #readAgain(): Promise<void> {
    let there: Ledgered;
    try {
      there = await this.#desk.read(this.#stream, this.lost);
    } catch (error) {
      if (error instanceof ApiFault && error.transient) return;
      throw error instanceof ApiFault ? unavailable(error) : error;
    }
    const { term, session } = readingOf(there);
    if (term !== this.term || session !== this.#session) {
      throw new Fenced(`Term ${term} was taken: term ${this.term} may not commit any more.`);
    }
    this.#resourceVersion = there.metadata?.resourceVersion ?? '';
  }
}

export function unavailable(error: unknown): Refused {
  return new Refused(
    'LEDGER_UNAVAILABLE',
    `The status cannot be read or written: ${error instanceof Error ? error.message : String(error)}.`,
  );
}
