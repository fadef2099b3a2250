/**
 * What outlives the processes of a run, so that one that dies can be started again: on disk the ledger and the sessions of
 * files; in memory, if there is room, the video of cameras. With a ledger that is kept, the sessions of files outlive the run,
 * too: the next one goes on where it ended, and a file that was counted to its end is not counted again.
 *
 *   <ledger>/sessions/<namespace>.<name>/   session and checkpoints; in `footage`, which file they belong to
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { LoadedStream } from '#crds/load.ts';
import { isLive } from '#crds/source-kinds.ts';
import { BadInput } from './command.ts';

/** Linux's folder in memory. */
const MEMORY = '/dev/shm';
/** The process id of the run follows, so that another run can remove what a killed one has left in memory. */
const PREFIX = 'footfall-count-';
/** For checkpoints and the session, beside the ring. */
const BESIDE_MEGABYTES = 8;
const FOOTAGE = 'footage';
/** Holds the process id of the run that uses the folder. */
const RUNNING = 'running';

/** Which file a session belongs to: one that was replaced meanwhile is other video. */
interface Footage {
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** In the file `footage`. */
interface Known extends Footage {
  readonly countedToItsEnd: boolean;
}

export class SessionStorage {
  readonly #disk: string;
  readonly #memory: string | undefined;
  readonly #kept: string | undefined;

  private constructor(disk: string, memory: string | undefined, kept: string | undefined) {
    this.#disk = disk;
    this.#memory = memory;
    this.#kept = kept;
  }

  /**
   * @param ledger of `--ledger`; undefined when the counts are forgotten.
   * @throws BadInput with one sentence when another run uses the ledger.
   */
  static async begin(streams: readonly LoadedStream[], ledger: string | undefined): Promise<SessionStorage> {
    const kept = ledger === undefined ? undefined : join(ledger, 'sessions');
    if (kept !== undefined) lock(kept);
    const megabytes = streams.filter(isOfCamera).reduce((sum, { stream }) => sum + stream.spec.buffer.megabytes + BESIDE_MEGABYTES, 0);
    const memory = megabytes > 0 && hasRoom(megabytes) ? await mkdtemp(join(MEMORY, `${PREFIX}${process.pid}-`)) : undefined;
    return new SessionStorage(await mkdtemp(join(tmpdir(), 'footfall-')), memory, kept);
  }

  get ledger(): string {
    return join(this.#disk, 'ledger');
  }

  /** A folder for what outlives the stream's agent; none for a camera's when there is not enough memory. */
  session(stream: LoadedStream): string | undefined {
    if (isOfCamera(stream)) return this.#memory && join(this.#memory, folderOf(stream));
    const footage = footageOf(stream);
    if (this.#kept === undefined || footage === undefined) return join(this.#disk, folderOf(stream));
    const folder = join(this.#kept, folderOf(stream));
    if (!isSame(this.#known(stream), footage)) {
      rmSync(folder, { recursive: true, force: true });
      this.#keep(stream, { ...footage, countedToItsEnd: false });
    }
    return folder;
  }

  /** Whether an earlier run with this ledger counted the file to its end. */
  wasCounted(stream: LoadedStream): boolean {
    const known = this.#known(stream);
    return known?.countedToItsEnd === true && isSame(known, footageOf(stream));
  }

  isCounted(stream: LoadedStream): void {
    const known = this.#known(stream);
    if (known !== undefined) this.#keep(stream, { ...known, countedToItsEnd: true });
  }

  async end(): Promise<void> {
    for (const folder of [this.#disk, this.#memory]) if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    if (this.#kept !== undefined) unlock(this.#kept);
  }

  #known(stream: LoadedStream): Known | undefined {
    if (this.#kept === undefined || isOfCamera(stream)) return undefined;
    try {
      return JSON.parse(readFileSync(join(this.#kept, folderOf(stream), FOOTAGE), 'utf8')) as Known;
    } catch {
      // There is none, or the machine failed while it was written: then the file is other video.
      return undefined;
    }
  }

  #keep(stream: LoadedStream, known: Known): void {
    const folder = join(this.#kept!, folderOf(stream));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, FOOTAGE), JSON.stringify(known));
  }
}

function isSame(one: Footage | undefined, other: Footage | undefined): boolean {
  return one !== undefined && one.bytes === other?.bytes && one.modifiedMs === other.modifiedMs;
}

/** Undefined for what is no regular file: a pipe is other video each time. */
function footageOf({ stream }: LoadedStream): Footage | undefined {
  const found = statSync(stream.spec.source.url, { throwIfNoEntry: false });
  return found?.isFile() === true ? { bytes: found.size, modifiedMs: found.mtimeMs } : undefined;
}

function folderOf({ stream: { metadata } }: LoadedStream): string {
  return `${metadata.namespace}.${metadata.name}`;
}

/** Two runs would count the same session, each with its own counter. */
function lock(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, RUNNING);
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (pid > 0 && isRunning(pid))
    throw new BadInput(`The ledger ${dirname(folder)} is in use by process ${pid}: wait for its end, or name another folder.`);
  writeFileSync(file, String(process.pid));
}

function unlock(folder: string): void {
  rmSync(join(folder, RUNNING), { force: true });
}

function isOfCamera({ stream }: LoadedStream): boolean {
  return isLive(stream.spec.source.url);
}

function hasRoom(megabytes: number): boolean {
  try {
    accessSync(MEMORY, constants.W_OK);
    removeLeftovers();
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= megabytes * 1e6;
  } catch {
    return false;
  }
}

/** Of runs that were killed. */
function removeLeftovers(): void {
  for (const name of readdirSync(MEMORY)) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(MEMORY, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It runs, as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
