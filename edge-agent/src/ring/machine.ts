/** The clocks of this machine, as the session's time needs them. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { World } from './retained.ts';

/** Elsewhere than on Linux nothing tells: a clock that went back does, as a rule. */
const MACHINE_START = '/proc/sys/kernel/random/boot_id';

export function thisMachine(): Omit<World, 'newId'> {
  let machineStart = '';
  try {
    machineStart = readFileSync(MACHINE_START, 'utf8').trim();
  } catch {
    // Not on Linux.
  }
  return {
    machineStart,
    wallMicros: () => Date.now() * 1000,
    machineMicros: () => Number(process.hrtime.bigint() / 1000n),
  };
}
