/**
 * The ledger of local mode: a folder for each stream.
 *
 *   <namespace>.<name>/000000000042.json   the newest entry: term, session, counts (see `chain.ts`)
 *
 * Each claim and each commit appends an entry to one chain, after the newest entry that its writer knows; the API server
 * compares versions in the same way. A counter that was stopped for any time, at any step, finds that number taken. The
 * resource's validation rules hold here as well, as the second fence.
 */
import { join } from 'node:path';
import { brokenFence } from '#crds/fence.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';
import { Chain, type Link } from './chain.ts';
import { withEmptyZones } from './entry.ts';
import { type CommittedCounts, Fenced, type Ledger, positionOf, type Reading, type StreamReport, type LedgerWriter } from './ledger.ts';

interface Entry {
  readonly term: number;
  /** The agent's session that the term was taken for. */
  readonly session: string;
  /** Absent before the stream's first commit. */
  readonly counts?: CommittedCounts;
}

export class FolderLedger implements Ledger {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async read(stream: StreamName): Promise<Reading> {
    const newest = await this.#newest(stream);
    return { term: newest?.content.term ?? 0, session: newest?.content.session, counts: newest?.content.counts };
  }

  async claim(stream: StreamName, reading: Reading, session: string, signal?: AbortSignal): Promise<LedgerWriter> {
    const folder = this.#folder(stream);
    for (;;) {
      const before = await this.#newest(stream);
      const { term = 0, counts } = before?.content ?? {};
      if (term !== reading.term || before?.content.session !== reading.session) {
        throw new Fenced(`Term ${term} was taken by another counter.`);
      }
      signal?.throwIfAborted();
      const claimed = counts && { counts: { ...counts, session, position: positionOf(counts, session) } };
      const content: Entry = { term: term + 1, session, ...claimed };
      const number = (before?.number ?? 0) + 1;
      if (await ledgerAccess(folder, new Chain<Entry>(folder).append(number - 1, content)))
        return new FolderWriter(folder, { number, content }, counts);
    }
  }

  /** In local mode the agent reports the refusal to the user. */
  refuse(): Promise<void> {
    return Promise.resolve();
  }

  #newest(stream: Pick<StreamName, 'namespace' | 'name'>): Promise<Link<Entry> | undefined> {
    const folder = this.#folder(stream);
    return ledgerAccess(folder, new Chain<Entry>(folder).newest());
  }

  #folder({ namespace, name }: Pick<StreamName, 'namespace' | 'name'>): string {
    return join(this.#root, `${namespace}.${name}`);
  }
}

class FolderWriter implements LedgerWriter {
  readonly term: number;
  readonly counts: CommittedCounts | undefined;
  readonly lost = new AbortController().signal;
  readonly #folder: string;
  readonly #chain: Chain<Entry>;
  #newest: Link<Entry>;
  #report: StreamReport = { state: 'Starting' };
  /** Counts that were deferred since the last commit. */
  #deferred: CommittedCounts | undefined;

  constructor(folder: string, claim: Link<Entry>, counts: CommittedCounts | undefined) {
    this.#folder = folder;
    this.#chain = new Chain(folder);
    this.#newest = claim;
    this.term = claim.content.term;
    this.counts = counts;
  }

  async commit(counts: CommittedCounts): Promise<void> {
    const { number, content } = this.#newest;
    const broken = brokenFence({ ...counts, term: this.term }, content.counts && { ...content.counts, term: content.term });
    if (broken !== undefined)
      throw new Refused('LEDGER_UNAVAILABLE', `The ledger in ${this.#folder} does not take these counts: they ${broken}.`);
    const next: Entry = { ...content, counts: withEmptyZones(counts, this.#report) };
    if (!(await ledgerAccess(this.#folder, this.#chain.append(number, next)))) {
      throw new Fenced(`A later term was taken: term ${this.term} may not commit any more.`);
    }
    this.#newest = { number: number + 1, content: next };
    this.#deferred = undefined;
  }

  defer(counts: CommittedCounts): void {
    this.#deferred = counts;
  }

  report(report: StreamReport): void {
    this.#report = report;
  }

  /** Writes the deferred counts, for the gap before the next session begins at their time, and empties the zones. */
  async close(): Promise<void> {
    const { counts } = this.#newest.content;
    const occupied = counts?.zones.some(({ occupancy }) => occupancy > 0) && withEmptyZones(counts, this.#report) !== counts;
    const last = this.#deferred ?? (occupied ? counts : undefined);
    // The ledger refuses it where a later term was taken.
    if (last !== undefined) await this.commit(last).catch(() => undefined);
  }
}

/** Turns faults of the file system and damaged files into Refused LEDGER_UNAVAILABLE, with a sentence. */
async function ledgerAccess<T>(folder: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Refused('LEDGER_UNAVAILABLE', `The ledger in ${folder} cannot be read or written: ${(error as Error).message}.`);
  }
}
