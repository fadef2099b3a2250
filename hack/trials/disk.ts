/** A small file system in memory; a plain folder where this process may not mount one. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Disk {
  readonly directory: string;
  readonly mounted: boolean;
  remove(): Promise<void>;
}

export async function smallDisk(directory: string, bytes: number): Promise<Disk> {
  await mkdir(directory, { recursive: true });
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'footfall-trial', directory]).then(
    () => true,
    () => false,
  );
  return {
    directory,
    mounted,
    remove: async () => {
      if (mounted) await run('umount', [directory]);
    },
  };
}
