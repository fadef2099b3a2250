/**
 * The ledger of a cluster: `status.counts` and `status.stream` of the CameraStream (`status-client.ts` reads and writes
 * it, `status-writer.ts` paces the writes). A status has no room for crossings: only their totals are kept.
 */
import { ApiFault, isConflict } from '#crds/cluster/api.ts';
import { backoffSeconds } from '#proto/process/backoff.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';
import { type CameraStreamObject, entryForClaim, entryForRefusal, entryForWithdrawal, readingOf } from './entry.ts';
import { Fenced, type Ledger, type LedgerWriter, type Reading, type StreamReport } from './ledger.ts';
import { StatusClient, type StatusClientOptions } from './status-client.ts';
import { StatusWriter, unavailable } from './status-writer.ts';

/** An agent that has no Welcome within five seconds dials another counter. */
const ANSWER_MS = 4_000;
/** Bounds what is kept of streams that ended while the API server was away. */
const WITHDRAW_SECONDS = 900;
const WITHDRAW_BACKOFF = { initialSeconds: 1, maximumSeconds: 30 };

export class StatusLedger implements Ledger {
  readonly #client: StatusClient;
  /** By uid: a stream has one writer in a counter. */
  readonly #writers = new Map<string, StatusWriter>();
  readonly #closed = new AbortController();

  constructor(options: StatusClientOptions) {
    this.#client = new StatusClient(options);
  }

  read(stream: StreamName): Promise<Reading> {
    return this.#withDeadline(async (signal) => readingOf(await this.#client.read(stream, signal)));
  }

  async claim(stream: StreamName, reading: Reading, session: string, signal?: AbortSignal): Promise<LedgerWriter> {
    // An earlier call of the stream to this counter is over: its writes would only delay the claim.
    const earlier = this.#writers.get(stream.uid);
    earlier?.end(new Fenced('The agent has called again.'));
    const writer = await this.#withDeadline((either) => this.#claim(stream, reading, session, either), signal).catch((error: unknown) => {
      if (earlier !== undefined) void this.#withdraw(stream, earlier);
      throw error;
    });
    this.#writers.set(stream.uid, writer);
    const end = () => {
      this.#forget(stream.uid, writer);
      if (!(writer.lost.reason instanceof Fenced) && !writer.isWritten) void this.#withdraw(stream, writer);
    };
    writer.lost.addEventListener('abort', end, { once: true });
    return writer;
  }

  async refuse(stream: StreamName, session: string, report: StreamReport): Promise<void> {
    // A call of the stream to this counter reports its state.
    if (this.#writers.has(stream.uid)) return;
    const { clock, counter } = this.#client;
    await this.#withDeadline(async (signal) => {
      await this.#client.waitForTurn(stream, signal);
      const current = await this.#client.read(stream, signal);
      const entry = entryForRefusal(current, report, { counter, session, now: clock.date().toISOString() });
      if (entry === undefined) return;
      await this.#client.write(stream, versionOf(current), entry, signal).catch((error: unknown) => {
        // The status changed since it was read. The agent's next attempt judges it again.
        if (!isConflict(error)) throw error;
      });
    });
  }

  /** Resolves when every writer has written its last report, or cannot. */
  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
  }

  /** A conflict means that another client, usually the operator, wrote the status: the claim holds if the term is still the same. */
  async #claim(stream: StreamName, reading: Reading, session: string, signal: AbortSignal): Promise<StatusWriter> {
    for (;;) {
      await this.#client.waitForTurn(stream, signal);
      const current = await this.#client.read(stream, signal);
      const { term, session: holder, counts } = readingOf(current);
      if (term !== reading.term || holder !== reading.session) throw new Fenced(`Term ${term} was taken by another counter.`);
      const entry = entryForClaim(current, { counter: this.#client.counter, session, now: this.#client.clock.date().toISOString() });
      try {
        const claimed = await this.#client.write(stream, versionOf(current), entry, signal);
        return new StatusWriter(this.#client, { stream, session, counts, entry, resourceVersion: versionOf(claimed) });
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  /**
   * Writes the last report of a lost writer once the API server answers, unless a later term was taken by then or the status
   * shows an end already. Without it the status would show a stream as counted that is not. Never throws.
   */
  async #withdraw(stream: StreamName, writer: StatusWriter): Promise<void> {
    const { clock } = this.#client;
    const giveUpAt = clock.seconds() + WITHDRAW_SECONDS;
    for (let attempt = 1; clock.seconds() < giveUpAt; attempt += 1) {
      await clock.pause(backoffSeconds(WITHDRAW_BACKOFF, attempt, Math.random()), this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      try {
        await this.#withDeadline(async (signal) => {
          await this.#client.waitForTurn(stream, signal);
          const current = await this.#client.read(stream, signal);
          const entry = entryForWithdrawal(current, writer.term, writer.latestReport, clock.date().toISOString());
          if (entry !== undefined) await this.#client.write(stream, versionOf(current), entry, signal);
        });
        return;
      } catch (error) {
        if (error instanceof Refused && error.reason === 'UNKNOWN_STREAM') return;
      }
    }
  }

  /** @throws Refused LEDGER_UNAVAILABLE when the API server fails or does not answer in time; the signal's reason. */
  async #withDeadline<T>(ask: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const late = AbortSignal.timeout(ANSWER_MS);
    try {
      return await ask(signal ? AbortSignal.any([signal, late]) : late);
    } catch (error) {
      signal?.throwIfAborted();
      throw late.aborted || error instanceof ApiFault ? unavailable(error) : error;
    }
  }

  #forget(uid: string, writer: StatusWriter): void {
    if (this.#writers.get(uid) === writer) this.#writers.delete(uid);
  }
}

function versionOf({ metadata }: CameraStreamObject): string {
  return metadata?.resourceVersion ?? '';
}
