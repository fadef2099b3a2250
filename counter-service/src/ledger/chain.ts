/**
 * A chain of numbered entries in a folder. The newest entry counts:
 *
 *   000000000041.json   the entry before, for a process that is just reading it
 *   000000000042.json   the newest: one line of JSON, one line with its checksum
 *
 * An entry is written to a draft file and then linked to its number. The file system lets one process link a number, so
 * two entries cannot follow the same one, wherever a process is stopped or killed. This needs no lock, and leaves none
 * behind. When `append` resolves, the entry is durable; an entry is whole or absent.
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

  /** Undefined while the chain is empty. @throws Error with a sentence when the newest entry is damaged. */
  async newest(): Promise<Link<T> | undefined> {
    for (let missed = 0; ;) {
      const number = newestOf(await this.#names());
      if (number === 0) return undefined;
      const path = this.#path(number);
      try {
        return { number, content: contentOf(await readFile(path, 'utf8'), path) as T };
      } catch (error) {
        // Two entries were appended meanwhile, and this one was removed.
        if (codeOf(error) !== 'ENOENT' || number === missed) throw error;
        missed = number;
      }
    }
  }

  /** Appends after entry `after`. @returns false when another process has appended there first. */
  async append(after: number, content: T): Promise<boolean> {
    await this.#makeFolder();
    const number = after + 1;
    const draft = join(this.#folder, `${digits(number)}.draft-${crypto.randomUUID()}`);
    try {
      await writeDurably(draft, textOf(content));
      await link(draft, this.#path(number));
    } catch (error) {
      // The process that took the number may have removed this draft.
      if (codeOf(error) === 'EEXIST' || (codeOf(error) === 'ENOENT' && (await this.#hasReached(number)))) return false;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
    await synchronize(this.#folder);
    const names = await this.#names();
    // An old number was removed and is free again: then later entries exist, and this one does not count.
    if (newestOf(names) > number) return false;
    await this.#sweep(names, number);
    return true;
  }

  async #hasReached(number: number): Promise<boolean> {
    return newestOf(await this.#names()) >= number;
  }

  async #makeFolder(): Promise<void> {
    const made = await mkdir(this.#folder, { recursive: true });
    if (made === undefined) return;
    await synchronize(dirname(this.#folder));
    await synchronize(dirname(made));
  }

  /** Removes entries that no process reads any more, and drafts that no process can link any more. */
  async #sweep(names: readonly string[], newest: number): Promise<void> {
    for (const name of names) {
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

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** A file name survives a power failure only once its folder is synchronized. */
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

/** The number of the newest entry; 0 in an empty chain. */
function newestOf(names: readonly string[]): number {
  return names.reduce((newest, name) => Math.max(newest, Number(ENTRY.exec(name)?.[1] ?? 0)), 0);
}

function digits(number: number): string {
  return String(number).padStart(12, '0');
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
