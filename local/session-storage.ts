/**
 * What local mode keeps for its processes while it runs, so that one that dies can be started again: on disk the ledger,
 * and the sessions of files; in memory, as everywhere, the video of cameras, if there is room.
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
/** Its owner's process id follows: nothing but another run can clear away what one that was killed has left in memory. */
const PREFIX = 'footfall-count-';
/** Checkpoints and the like, beside the ring. */
const BESIDE_MEGABYTES = 8;

export class Keeping {
  readonly #disk: string;
  readonly #memory: string | undefined;

  private constructor(disk: string, memory: string | undefined) {
    this.#disk = disk;
    this.#memory = memory;
  }

  static async begin(streams: readonly LoadedStream[]): Promise<Keeping> {
    const megabytes = streams.filter(isOfCamera).reduce((sum, { stream }) => sum + stream.spec.buffer.megabytes + BESIDE_MEGABYTES, 0);
    const memory = megabytes > 0 && hasRoom(megabytes) ? await mkdtemp(join(MEMORY, `${PREFIX}${process.pid}-`)) : undefined;
    return new Keeping(await mkdtemp(join(tmpdir(), 'footfall-')), memory);
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
    clearAway();
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= megabytes * 1e6;
  } catch {
    return false;
  }
}

/** What runs that were killed have left. */
function clearAway(): void {
  for (const name of readdirSync(MEMORY)) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && !isThere(Number(pid))) rmSync(join(MEMORY, name), { recursive: true, force: true });
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
