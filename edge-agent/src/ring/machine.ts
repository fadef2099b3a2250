/** What an agent takes from the machine it runs on: clocks, and random ids. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';

export interface Machine {
  readonly newId: () => string;
  /** Unix time. */
  readonly wallMicros: () => number;
  /** Monotonic, since the machine's start: every process of the machine reads the same, and nothing sets it. */
  readonly machineMicros: () => number;
  /** Differs for each start of the machine. */
  readonly machineStart: string;
}

/** On Linux only. Elsewhere a monotonic clock that went back reveals a new start, as a rule. */
const MACHINE_START = '/proc/sys/kernel/random/boot_id';

export function thisMachine(): Machine {
  let machineStart = '';
  try {
    machineStart = readFileSync(MACHINE_START, 'utf8').trim();
  } catch {
    // Not on Linux.
  }
  return {
    newId: randomUUID,
    machineStart,
    wallMicros: () => Date.now() * 1000,
    machineMicros: () => Number(process.hrtime.bigint() / 1000n),
  };
}
