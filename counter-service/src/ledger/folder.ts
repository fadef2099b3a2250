/**
 * The ledger of local mode: a folder for each stream.
 *
 *   <namespace>.<name>/000000000042.json   the newest entry: term, session, counts (see `chain.ts`)
 *
 * Terms and commits are entries of one chain, each following the one its writer knows, as in the API server: a counter
 * that was held up, however long and wherever, finds its place taken. The fence of the resource stands behind that.
 */
import { join } from 'node:path';
import { brokenFence } from '#crds/fence.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { Refused } from '../refusal.ts';
import { Chain, type Link } from './chain.ts';
import { asSeen } from './entry.ts';
import { type CommittedCounts, Fenced, type Ledger, type Reading, type StreamReport, type LedgerWriter } from './ledger.ts';

interface Entry {
  readonly term: number;
  /** Of the agent that the term was taken for. */
  readonly session: string;
  /** Absent until the first commit of all. */
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
      // Numbers of another session's access units mean nothing here.
      const claimed = counts && { counts: { ...counts, session, position: counts.session === session ? counts.position : 0 } };
      const content: Entry = { term: term + 1, session, ...claimed };
      const number = (before?.number ?? 0) + 1;
      if (await available(folder, new Chain<Entry>(folder).append(number - 1, content)))
        return new FolderWriter(folder, { number, content }, counts);
    }
  }

  /** Whoever runs local mode is told by the agent. */
  refuse(): Promise<void> {
    return Promise.resolve();
  }

  #newest(stream: Pick<StreamName, 'namespace' | 'name'>): Promise<Link<Entry> | undefined> {
    const folder = this.#folder(stream);
    return available(folder, new Chain<Entry>(folder).newest());
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
  /** Later than what is committed. */
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
    const next: Entry = { ...content, counts: asSeen(counts, this.#report) };
    if (!(await available(this.#folder, this.#chain.append(number, next)))) {
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

  /** The next session declares as a gap what lies after the time that is written here; zones are empty while nothing is observed. */
  async close(): Promise<void> {
    const { counts } = this.#newest.content;
    const occupied = counts?.zones.some(({ occupancy }) => occupancy > 0) && asSeen(counts, this.#report) !== counts;
    const last = this.#deferred ?? (occupied ? counts : undefined);
    // A term that was lost has nothing more to say.
    if (last !== undefined) await this.commit(last).catch(() => undefined);
  }
}

/** @throws Refused with a sentence for whatever the file system or a damaged file says. */
async function available<T>(folder: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Refused('LEDGER_UNAVAILABLE', `The ledger in ${folder} cannot be read or written: ${(error as Error).message}.`);
  }
}
