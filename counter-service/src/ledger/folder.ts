/**
 * The ledger of local mode: a folder for each stream, a file for each term.
 *
 *   <namespace>.<name>/term-000003.json    the counts committed in term 3, replaced atomically at each commit
 *   <namespace>.<name>/crossings-3.jsonl   its crossings, appended; what lies past the committed length never happened
 *
 * Taking a term is creating its file, which the file system lets only one process do. A process that lost its term
 * still writes to its own file only; it sees the later file and stops. So no lock is held and none can be left behind.
 */
import { link, mkdir, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { StreamName } from '#proto/protocol.ts';
import type { CrossingEvent } from '../counting/counter.ts';
import { type CommittedCounts, Fenced, type Ledger, type Reading, type Tenure } from './ledger.ts';

interface TermFile {
  /** Of the agent that the term was taken for. */
  readonly session: string;
  /** Absent until the term's first commit: the term before it speaks. */
  readonly counts?: CommittedCounts;
  /** How much of each term's crossings is committed. */
  readonly crossings: readonly { readonly term: number; readonly bytes: number }[];
}

const TERM_FILE = /^term-(\d{6,})\.json$/;
/** Terms kept: the one in force, and the one before it, whose counter may still be writing. */
const KEPT_TERMS = 2;

export class FolderLedger implements Ledger {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async read(stream: StreamName): Promise<Reading> {
    const folder = streamFolder(this.#root, stream);
    const [term = 0] = await termsOf(folder);
    const session = term === 0 ? undefined : (await readTerm(folder, term)).session;
    return { term, session, counts: (await newestCommit(folder))?.counts };
  }

  async claim(stream: StreamName, reading: Reading, session: string): Promise<Tenure> {
    const folder = streamFolder(this.#root, stream);
    await mkdir(folder, { recursive: true });
    const term = reading.term + 1;
    await createTerm(folder, term, session);
    const before = await newestCommit(folder);
    // From here on the term speaks for itself, and those before it may go.
    if (before !== undefined) await replaceTerm(folder, term, { ...before, session });
    for (const old of (await termsOf(folder)).slice(KEPT_TERMS)) await rm(termPath(folder, old), { force: true });
    return new FolderTenure(folder, term, session, before);
  }

  /** Whoever runs local mode is told by the agent. */
  refuse(): Promise<void> {
    return Promise.resolve();
  }

  /** Every committed crossing of a stream, oldest first, as JSON lines. */
  async crossings(stream: Pick<StreamName, 'namespace' | 'name'>): Promise<string> {
    const folder = streamFolder(this.#root, stream);
    const parts = (await newestCommit(folder))?.crossings ?? [];
    const texts = parts.map(async ({ term, bytes }) => (await readFile(crossingsPath(folder, term))).subarray(0, bytes));
    return Buffer.concat(await Promise.all(texts)).toString();
  }
}

class FolderTenure implements Tenure {
  readonly term: number;
  readonly counts: CommittedCounts | undefined;
  readonly lost = new AbortController().signal;
  readonly #folder: string;
  readonly #session: string;
  readonly #earlier: TermFile['crossings'];
  #bytes = 0;

  constructor(folder: string, term: number, session: string, before: TermFile | undefined) {
    this.#session = session;
    this.term = term;
    this.counts = before?.counts;
    this.#folder = folder;
    this.#earlier = before?.crossings ?? [];
  }

  async commit(counts: CommittedCounts, crossings: readonly CrossingEvent[]): Promise<void> {
    await this.#refuseWhenFenced();
    const bytes = this.#bytes + (await this.#append(crossings));
    const own = bytes > 0 ? [{ term: this.term, bytes }] : [];
    const file: TermFile = { session: this.#session, counts, crossings: [...this.#earlier, ...own] };
    await replaceTerm(this.#folder, this.term, file);
    await this.#refuseWhenFenced();
    this.#bytes = bytes;
  }

  report(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #append(crossings: readonly CrossingEvent[]): Promise<number> {
    if (crossings.length === 0) return 0;
    const path = crossingsPath(this.#folder, this.term);
    // What a failed commit may have left behind its committed length.
    if (this.#bytes > 0) await truncate(path, this.#bytes);
    const lines = Buffer.from(crossings.map((crossing) => `${JSON.stringify(crossing)}\n`).join(''));
    const file = await open(path, this.#bytes > 0 ? 'a' : 'w');
    try {
      await file.writeFile(lines);
      await file.datasync();
    } finally {
      await file.close();
    }
    return lines.length;
  }

  async #refuseWhenFenced(): Promise<void> {
    const [newest = 0] = await termsOf(this.#folder);
    if (newest > this.term) throw new Fenced(`Term ${newest} was taken: term ${this.term} may not commit any more.`);
  }
}

async function createTerm(folder: string, term: number, session: string): Promise<void> {
  const path = termPath(folder, term);
  const draft = `${path}.claim-${process.pid}-${crypto.randomUUID()}`;
  await writeDurably(draft, JSON.stringify({ session, crossings: [] } satisfies TermFile));
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new Fenced(`Term ${term} was taken by another counter.`);
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function replaceTerm(folder: string, term: number, file: TermFile): Promise<void> {
  const path = termPath(folder, term);
  await writeDurably(`${path}.new`, JSON.stringify(file));
  await rename(`${path}.new`, path);
}

async function newestCommit(folder: string): Promise<TermFile | undefined> {
  for (const term of await termsOf(folder)) {
    const file = await readTerm(folder, term);
    if (file.counts !== undefined) return file;
  }
  return undefined;
}

async function readTerm(folder: string, term: number): Promise<TermFile> {
  const path = termPath(folder, term);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as TermFile;
  } catch (error) {
    throw new Error(`The ledger's file ${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

/** Newest first. */
async function termsOf(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .map((name) => TERM_FILE.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .toSorted((a, b) => b - a);
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function streamFolder(root: string, { namespace, name }: Pick<StreamName, 'namespace' | 'name'>): string {
  return join(root, `${namespace}.${name}`);
}

function termPath(folder: string, term: number): string {
  return join(folder, `term-${String(term).padStart(6, '0')}.json`);
}

function crossingsPath(folder: string, term: number): string {
  return join(folder, `crossings-${term}.jsonl`);
}
