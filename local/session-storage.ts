/**
 * What outlives the processes of a run, so that one that dies can be started again: on disk the ledger and the sessions of
 * files; in memory, if there is room, the video of cameras.
 */
import { accessSync, constants, readdirSync, rmSync, statfsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { LoadedStream } from '#crds/load.ts';
import { isLive } from '#crds/source-kinds.ts';

/** Linux's folder in memory. */
const MEMORY = '/dev/shm';
/** The process id of the run follows, so that another run can remove what a killed one has left in memory. */
const PREFIX = 'footfall-count-';
/** For checkpoints and the session, beside the ring. */
const BESIDE_MEGABYTES = 8;

export class SessionStorage {
  readonly #disk: string;
  readonly #memory: string | undefined;

  private constructor(disk: string, memory: string | undefined) {
    this.#disk = disk;
    this.#memory = memory;
  }

  static async begin(streams: readonly LoadedStream[]): Promise<SessionStorage> {
    const megabytes = streams.filter(isOfCamera).reduce((sum, { stream }) => sum + stream.spec.buffer.megabytes + BESIDE_MEGABYTES, 0);
    const memory = megabytes > 0 && hasRoom(megabytes) ? await mkdtemp(join(MEMORY, `${PREFIX}${process.pid}-`)) : undefined;
    return new SessionStorage(await mkdtemp(join(tmpdir(), 'footfall-')), memory);
  }

  get ledger(): string {
    return join(this.#disk, 'ledger');
  }

  /** A folder for what outlives the stream's agent; none for a camera's when there is not enough memory. */
  session(stream: LoadedStream): string | undefined {
    const { namespace, name } = stream.stream.metadata;
    const root = isOfCamera(stream) ? this.#memory : this.#disk;
    return root && join(root, `${namespace}.${name}`);
  }

  async end(): Promise<void> {
    for (const folder of [this.#disk, this.#memory]) if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
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
