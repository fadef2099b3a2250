/**
 * The folder in which an agent keeps what must outlive its process. In a cluster it is memory of the pod: nothing is
 * synchronised to a disk, and synchronous calls cost a copy, which is less than a thread pool costs.
 *
 * The agent survives every fault of the folder. A file that is not as it was written is lost, and counted. When the folder
 * is full, the ring evicts its oldest segment, and the write is tried again.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { type Block, decodeBlock, encodeBlock } from './block.ts';

/** The calls of the file system that it uses. */
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
  /** Writes that failed, also if they succeeded once there was room. */
  readonly writes: number;
  /** Files that were not as they were written. */
  readonly corruptFiles: number;
}

/** A write failed, and left nothing behind. */
export class NotKept extends Error {}

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);
const SCRATCH = 'scratch';

export class Folder {
  readonly directory: string;
  readonly disk: Disk;
  readonly faults = { writes: 0, corruptFiles: 0 };
  /** Returns whether it removed something. */
  makeRoom: () => boolean = () => false;

  /** @throws Error with a sentence when the folder is missing and cannot be made. */
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

  /** Only the agent's user may read the files. */
  open(name: string, flags: string | number): number {
    return this.disk.openSync(this.path(name), flags, 0o600);
  }

  names(): string[] {
    return this.disk.readdirSync(this.directory).toSorted();
  }

  /** Writes, and makes room if necessary. @throws NotKept */
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

  /** Replaces a file whole. @throws NotKept, and leaves the file as it was. */
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

  /** Reads what `put` wrote; undefined when the file is missing or corrupt. A corrupt file is removed and counted. */
  take(name: string): Block | undefined {
    const bytes = this.content(name);
    if (bytes === undefined) return undefined;
    const block = decodeBlock(bytes);
    if (block?.bytes === bytes.length) return block;
    this.discard(name);
    return undefined;
  }

  /** A file's bytes, unchecked. */
  content(name: string): Uint8Array | undefined {
    try {
      return this.disk.readFileSync(this.path(name));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.faults.corruptFiles += 1;
      return undefined;
    }
  }

  /** Removes every file of these names; other files are not the agent's. */
  empty(ours: RegExp): void {
    for (const name of this.names()) if (ours.test(name)) this.remove(name);
  }

  /** Removes a corrupt file. */
  discard(name: string): void {
    this.faults.corruptFiles += 1;
    this.remove(name);
  }

  /** A file that cannot be removed takes room and does no harm: readers skip it. */
  remove(name: string): void {
    try {
      this.disk.rmSync(this.path(name), { force: true });
    } catch {
      this.faults.writes += 1;
    }
  }

  /** A write of a part only is an error. */
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
