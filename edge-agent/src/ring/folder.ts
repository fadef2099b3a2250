/**
 * The folder in which an agent keeps what is to outlive its process: in a cluster it is memory that belongs to the
 * pod, so nothing is synchronised to a disk, and a call costs a copy, less than the way through a thread pool.
 *
 * A fault of the folder ends nothing. A file that cannot be read as it was written is lost, and counted. When the
 * folder is full, whoever keeps the most in it lets go of something, and the write is tried again.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { type Block, decodeBlock, encodeBlock } from './block.ts';

/** What is asked of the file system. */
export type Disk = Pick<
  typeof fs,
  | 'closeSync'
  | 'ftruncateSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readFileSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'rmSync'
  | 'truncateSync'
  | 'writevSync'
>;

export interface FolderFaults {
  /** Writes that failed, those included that went well after something else had left. */
  readonly writes: number;
  /** Files that were not as they had been written. */
  readonly corruptFiles: number;
}

/** It could not be written, and nothing of it is left. */
export class NotKept extends Error {}

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);
const SCRATCH = 'scratch';

export class Folder {
  readonly directory: string;
  readonly disk: Disk;
  readonly faults = { writes: 0, corruptFiles: 0 };
  /** Whether something could be let go of. */
  makeRoom: () => boolean = () => false;

  /** @throws Error with a sentence when there is no such folder, and none can be made. */
  constructor(directory: string, disk: Disk = fs) {
    this.directory = directory;
    this.disk = disk;
    try {
      disk.mkdirSync(directory, { recursive: true });
      this.names();
    } catch (error) {
      throw new Error(`The ring's folder ${directory} cannot be used (${codeOf(error)}).`, { cause: error });
    }
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Files are nobody else's to read. */
  open(name: string, flags: string | number): number {
    return this.disk.openSync(this.path(name), flags, 0o600);
  }

  names(): string[] {
    return this.disk.readdirSync(this.directory).toSorted();
  }

  /** Writes, and makes room for it when it must. @throws NotKept */
  write<T>(what: string, act: () => T): T {
    for (;;) {
      try {
        return act();
      } catch (error) {
        this.faults.writes += 1;
        if (FULL.has((error as NodeJS.ErrnoException).code) && this.makeRoom()) continue;
        throw new NotKept(`The ring's folder cannot take ${what} (${codeOf(error)}).`, { cause: error });
      }
    }
  }

  /** Replaces a file, or leaves it as it was. @throws NotKept */
  put(name: string, facts: object, payload: Uint8Array = new Uint8Array()): void {
    try {
      this.write(name, () => {
        const fd = this.open(SCRATCH, 'w');
        try {
          this.writeAt(fd, encodeBlock(facts, payload), 0);
        } finally {
          this.disk.closeSync(fd);
        }
        this.disk.renameSync(this.path(SCRATCH), this.path(name));
      });
    } catch (error) {
      this.remove(SCRATCH);
      throw error;
    }
  }

  /** What was put there; nothing when there is no such file, or it is corrupt: then it is removed and counted. */
  take(name: string): Block | undefined {
    const bytes = this.content(name);
    if (bytes === undefined) return undefined;
    const block = decodeBlock(bytes);
    if (block?.bytes === bytes.length) return block;
    this.discard(name);
    return undefined;
  }

  /** A file as it is. */
  content(name: string): Uint8Array | undefined {
    try {
      return this.disk.readFileSync(this.path(name));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.faults.corruptFiles += 1;
      return undefined;
    }
  }

  /** Removes every file of these names; what else is there is not ours. */
  empty(ours: RegExp): void {
    for (const name of this.names()) if (ours.test(name)) this.remove(name);
  }

  /** Removes what is corrupt. */
  discard(name: string): void {
    this.faults.corruptFiles += 1;
    this.remove(name);
  }

  /** One that stays all the same takes room, and is passed over by whoever looks at it: it is of no use. */
  remove(name: string): void {
    try {
      this.disk.rmSync(this.path(name), { force: true });
    } catch {
      this.faults.writes += 1;
    }
  }

  /** All or an error: part of it is no success. */
  writeAt(fd: number, parts: readonly Uint8Array[], offset: number): number {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (this.disk.writevSync(fd, parts, offset) < bytes) {
      throw Object.assign(new Error('The folder took only a part.'), { code: 'ENOSPC' });
    }
    return bytes;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
