/**
 * The ledger of local mode: a folder for each stream.
 *
 *   <namespace>.<name>/000000000042.json   the newest entry: term, session, counts (see `chain.ts`)
 *   <namespace>.<name>/crossings-3.jsonl   the crossings of term 3, appended; what lies past the length that the entry
 *                                          tells never happened
 *
 * Terms and commits are entries of one chain, each following the one its writer knows, as in the API server: a counter
 * that was held up, however long and wherever, finds its place taken. The fence of the resource stands behind that.
 */
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { brokenFence } from '#crds/fence.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { CrossingEvent } from '../counting/counter.ts';
import { Refused } from '../refusal.ts';
import { Chain, type Link, writeDurably } from './chain.ts';
import { asSeen } from './entry.ts';
import { type CommittedCounts, Fenced, type Ledger, type Reading, type StreamReport, type LedgerWriter } from './ledger.ts';

interface Entry {
  readonly term: number;
  /** Of the agent that the term was taken for. */
  readonly session: string;
  /** Absent until the first commit of all. */
  readonly counts?: CommittedCounts;
  /** How much of each term's crossings is committed. */
  readonly crossings: readonly { readonly term: number; readonly bytes: number }[];
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
      const { term = 0, counts, crossings = [] } = before?.content ?? {};
      if (term !== reading.term || before?.content.session !== reading.session) {
        throw new Fenced(`Term ${term} was taken by another counter.`);
      }
      signal?.throwIfAborted();
      // Numbers of another session's access units mean nothing here.
      const claimed = counts && { counts: { ...counts, session, position: counts.session === session ? counts.position : 0 } };
      const content: Entry = { term: term + 1, session, crossings, ...claimed };
      const number = (before?.number ?? 0) + 1;
      if (await available(folder, new Chain<Entry>(folder).append(number - 1, content)))
        return new FolderWriter(folder, { number, content }, counts);
    }
  }

  /** Whoever runs local mode is told by the agent. */
  refuse(): Promise<void> {
    return Promise.resolve();
  }

  /** Every committed crossing of a stream, oldest first, as JSON lines. */
  async crossings(stream: Pick<StreamName, 'namespace' | 'name'>): Promise<string> {
    const folder = this.#folder(stream);
    const parts = (await this.#newest(stream))?.content.crossings ?? [];
    const texts = parts.map(async ({ term, bytes }) => {
      const path = crossingsPath(folder, term);
      const text = (await readFile(path)).subarray(0, bytes);
      if (text.length < bytes) throw new Error(`${path} is damaged: ${bytes} bytes of it are committed, and it has ${text.length}`);
      return text;
    });
    return available(
      folder,
      Promise.all(texts).then((all) => Buffer.concat(all).toString()),
    );
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
  readonly #earlier: Entry['crossings'];
  #newest: Link<Entry>;
  #report: StreamReport = { state: 'Starting' };
  /** Later than what is committed. */
  #settled: CommittedCounts | undefined;
  /** Of this term's crossings. */
  #bytes = 0;

  constructor(folder: string, claim: Link<Entry>, counts: CommittedCounts | undefined) {
    this.#folder = folder;
    this.#chain = new Chain(folder);
    this.#newest = claim;
    this.#earlier = claim.content.crossings;
    this.term = claim.content.term;
    this.counts = counts;
  }

  async commit(counts: CommittedCounts, crossings: readonly CrossingEvent[]): Promise<void> {
    const { number, content } = this.#newest;
    const broken = brokenFence({ ...counts, term: this.term }, content.counts && { ...content.counts, term: content.term });
    if (broken !== undefined)
      throw new Refused('LEDGER_UNAVAILABLE', `The ledger in ${this.#folder} does not take these counts: they ${broken}.`);
    const bytes = this.#bytes + (await available(this.#folder, this.#append(crossings)));
    const own = bytes > 0 ? [{ term: this.term, bytes }] : [];
    const next: Entry = { ...content, counts: asSeen(counts, this.#report), crossings: [...this.#earlier, ...own] };
    if (!(await available(this.#folder, this.#chain.append(number, next)))) {
      throw new Fenced(`A later term was taken: term ${this.term} may not commit any more.`);
    }
    this.#newest = { number: number + 1, content: next };
    this.#bytes = bytes;
    this.#settled = undefined;
  }

  settled(counts: CommittedCounts): void {
    this.#settled = counts;
  }

  report(report: StreamReport): void {
    this.#report = report;
  }

  /** Whoever comes next declares as a gap what lies after the time that is told here; and nobody looks at the zones. */
  async close(): Promise<void> {
    const { counts } = this.#newest.content;
    const occupied = counts?.zones.some(({ occupancy }) => occupancy > 0) && asSeen(counts, this.#report) !== counts;
    const last = this.#settled ?? (occupied ? counts : undefined);
    // A term that was lost has nothing more to say.
    if (last !== undefined) await this.commit(last, []).catch(() => undefined);
  }

  async #append(crossings: readonly CrossingEvent[]): Promise<number> {
    if (crossings.length === 0) return 0;
    const path = crossingsPath(this.#folder, this.term);
    // What a failed commit may have left behind its committed length.
    if (this.#bytes > 0) await truncate(path, this.#bytes);
    const lines = Buffer.from(crossings.map((crossing) => `${JSON.stringify(crossing)}\n`).join(''));
    await writeDurably(path, lines, this.#bytes > 0 ? 'a' : 'w');
    return lines.length;
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

function crossingsPath(folder: string, term: number): string {
  return join(folder, `crossings-${term}.jsonl`);
}
