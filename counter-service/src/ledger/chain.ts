/**
 * A chain of entries in a folder, of which the newest one holds:
 *
 *   000000000041.json   the one before, for whoever is about to read it
 *   000000000042.json   the newest: JSON in one line, and its checksum in another
 *
 * An entry is written aside, and then linked to its place, which the file system lets one process do: so two that
 * follow the same entry cannot both be written, wherever a process is held up or killed. No lock is needed, and none
 * can be left behind. What is written is durable, in its place, when `append` resolves; and it is whole or not there.
 */
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

const ENTRY = /^(\d{12})\.json$/;
const DRAFT = /^(\d{12})\.draft-/;
const CONTENT = /^(.*)\n([0-9a-f]{8})\n$/;

export interface Link<T> {
  /** From 1 on. */
  readonly number: number;
  readonly content: T;
}

export class Chain<T extends object> {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Undefined when nothing was ever written. @throws Error with a sentence when it is not what was written. */
  async newest(): Promise<Link<T> | undefined> {
    for (let missed = 0; ;) {
      const number = newestOf(await this.#names());
      if (number === 0) return undefined;
      const path = this.#path(number);
      try {
        return { number, content: contentOf(await readFile(path, 'utf8'), path) as T };
      } catch (error) {
        // Two were written meanwhile, and this one is gone.
        if (codeOf(error) !== 'ENOENT' || number === missed) throw error;
        missed = number;
      }
    }
  }

  /** @returns false when another entry has followed that one: it holds, unless one came after it, too. */
  async append(after: number, content: T): Promise<boolean> {
    await this.#makeFolder();
    const number = after + 1;
    const draft = join(this.#folder, `${digits(number)}.draft-${crypto.randomUUID()}`);
    try {
      await writeDurably(draft, textOf(content));
      await link(draft, this.#path(number));
    } catch (error) {
      // Whoever took the place may have swept the draft away.
      if (codeOf(error) === 'EEXIST' || (codeOf(error) === 'ENOENT' && (await this.#reached(number)))) return false;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
    await synchronize(this.#folder);
    // A place that was taken long ago, and left again, is free: then there are later ones.
    if (newestOf(await this.#names()) > number) return false;
    await this.#sweep(number);
    return true;
  }

  async #reached(number: number): Promise<boolean> {
    return newestOf(await this.#names()) >= number;
  }

  async #makeFolder(): Promise<void> {
    const made = await mkdir(this.#folder, { recursive: true });
    if (made === undefined) return;
    await synchronize(dirname(this.#folder));
    await synchronize(dirname(made));
  }

  /** What nobody reads any more, and what nobody can put in its place any more. */
  async #sweep(newest: number): Promise<void> {
    for (const name of await this.#names()) {
      const entry = Number(ENTRY.exec(name)?.[1] ?? Infinity);
      const draft = Number(DRAFT.exec(name)?.[1] ?? Infinity);
      if (entry < newest - 1 || draft <= newest) await rm(join(this.#folder, name), { force: true });
    }
  }

  async #names(): Promise<string[]> {
    return readdir(this.#folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    });
  }

  #path(number: number): string {
    return join(this.#folder, `${digits(number)}.json`);
  }
}

export async function writeDurably(path: string, text: string | Buffer, flags: 'w' | 'a' = 'w'): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Names outlive a power cut only once their folder is on disk. */
async function synchronize(folder: string): Promise<void> {
  const file = await open(folder, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function textOf(content: object): string {
  const line = JSON.stringify(content);
  return `${line}\n${checksum(line)}\n`;
}

function contentOf(text: string, path: string): unknown {
  const [, line, sum] = CONTENT.exec(text) ?? [];
  if (line === undefined || sum !== checksum(line)) throw new Error(`${path} is damaged: it is not what was written`);
  return JSON.parse(line);
}

function checksum(line: string): string {
  return crc32(line).toString(16).padStart(8, '0');
}

/** 0 when there is none. */
function newestOf(names: readonly string[]): number {
  return names.reduce((newest, name) => Math.max(newest, Number(ENTRY.exec(name)?.[1] ?? 0)), 0);
}

function digits(number: number): string {
  return String(number).padStart(12, '0');
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
