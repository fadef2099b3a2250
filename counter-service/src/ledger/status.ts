/**
 * The ledger of a cluster: `status.counts` and `status.stream` of the CameraStream (see `desk.ts` for how it is written).
 * Crossings by themselves have no place in a status: only their totals are kept.
 */
import { ApiFault, isConflict } from '#crds/cluster/api.ts';
import { backoffSeconds } from '#proto/process/backoff.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';
import { StatusClient, type StatusClientOptions } from './status-client.ts';
import { entryForClaim, type Ledgered, readingOf, entryForRefusal, entryForWithdrawal } from './entry.ts';
import { Fenced, type Ledger, type Reading, type StreamReport, type LedgerWriter } from './ledger.ts';
import { StatusWriter, unavailable } from './status-writer.ts';

/** An agent that is not greeted within five seconds tries another counter. */
const ANSWER_MS = 4_000;
/** So that what is kept of streams that went while the server was away is bounded by how many can go in that time. */
const WITHDRAW_SECONDS = 900;
const WITHDRAW_BACKOFF = { initialSeconds: 1, maximumSeconds: 30 };

export class StatusLedger implements Ledger {
  readonly #desk: StatusClient;
  /** By uid: a stream has one tenure in a counter. */
  readonly #tenures = new Map<string, StatusWriter>();
  readonly #closed = new AbortController();

  constructor(options: StatusClientOptions) {
    this.#desk = new StatusClient(options);
  }

  read(stream: StreamName): Promise<Reading> {
    return this.#ask(async (signal) => readingOf(await this.#desk.read(stream, signal)));
  }

  async claim(stream: StreamName, reading: Reading, session: string, signal?: AbortSignal): Promise<LedgerWriter> {
    // Whichever call had the stream here is over, or about to be told so by the next term.
    this.#tenures.get(stream.uid)?.end(new Fenced('The agent has called again.'));
    const tenure = await this.#ask((either) => this.#claim(stream, reading, session, either), signal);
    this.#tenures.set(stream.uid, tenure);
    const over = () => {
      this.#forget(stream.uid, tenure);
      if (!(tenure.lost.reason instanceof Fenced) && tenure.unsaid !== undefined) void this.#withdraw(stream, tenure);
    };
    tenure.lost.addEventListener('abort', over, { once: true });
    return tenure;
  }

  async refuse(stream: StreamName, session: string, report: StreamReport): Promise<void> {
    // Whoever has the stream here speaks for it.
    if (this.#tenures.has(stream.uid)) return;
    const { clock, counter } = this.#desk;
    await this.#ask(async (signal) => {
      await this.#desk.turn(stream, signal);
      const there = await this.#desk.read(stream, signal);
      const entry = entryForRefusal(there, report, { counter, session, now: clock.date().toISOString() });
      if (entry === undefined) return;
      await this.#desk.write(stream, versionOf(there), entry, signal).catch((error: unknown) => {
        // Somebody had something to say meanwhile: the agent's next try finds out what.
        if (!isConflict(error)) throw error;
      });
    });
  }

  /** Resolves when every tenure has said its last, or cannot. */
  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([...this.#tenures.values()].map((tenure) => tenure.close()));
  }

  /** A conflict is another writer of the status, as a rule the operator: whose term it is by then decides. */
  async #claim(stream: StreamName, reading: Reading, session: string, signal: AbortSignal): Promise<StatusWriter> {
    for (;;) {
      await this.#desk.turn(stream, signal);
      const there = await this.#desk.read(stream, signal);
      const now = readingOf(there);
      if (now.term !== reading.term || now.session !== reading.session) {
        throw new Fenced(`Term ${now.term} was taken by another counter.`);
      }
      const entry = entryForClaim(there, { counter: this.#desk.counter, session, now: this.#desk.clock.date().toISOString() });
      try {
        const taken = await this.#desk.write(stream, versionOf(there), entry, signal);
        return new StatusWriter(this.#desk, { stream, session, counts: now.counts, entry, resourceVersion: versionOf(taken) });
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  /**
   * The last word of a tenure could not be written, and what stands there, as a rule that the stream is counted, is not
   * so any more. It is written once the server answers, unless another term was taken by then. Never throws.
   */
  async #withdraw(stream: StreamName, tenure: StatusWriter): Promise<void> {
    const { clock } = this.#desk;
    const giveUpAt = clock.seconds() + WITHDRAW_SECONDS;
    for (let attempt = 1; clock.seconds() < giveUpAt; attempt += 1) {
      await clock.pause(backoffSeconds(WITHDRAW_BACKOFF, attempt, Math.random()), this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      const { unsaid } = tenure;
      if (unsaid === undefined) return;
      try {
        await this.#ask(async (signal) => {
          await this.#desk.turn(stream, signal);
          const there = await this.#desk.read(stream, signal);
          const entry = entryForWithdrawal(there, tenure.term, unsaid, clock.date().toISOString());
          if (entry !== undefined) await this.#desk.write(stream, versionOf(there), entry, signal);
        });
        return;
      } catch (error) {
        if (error instanceof Refused && error.reason === 'UNKNOWN_STREAM') return;
      }
    }
  }

  async #ask<T>(ask: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const late = AbortSignal.timeout(ANSWER_MS);
    try {
      return await ask(signal ? AbortSignal.any([signal, late]) : late);
    } catch (error) {
      signal?.throwIfAborted();
      throw late.aborted || error instanceof ApiFault ? unavailable(error) : error;
    }
  }

  #forget(uid: string, tenure: StatusWriter): void {
    if (this.#tenures.get(uid) === tenure) this.#tenures.delete(uid);
  }
}

function versionOf({ metadata }: Ledgered): string {
  return metadata?.resourceVersion ?? '';
}
