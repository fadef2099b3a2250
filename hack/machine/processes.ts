/** CPU time and memory of whole process trees, from Linux's /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, in which /proc counts CPU time: 100 on every architecture that Node runs on. */
const TICK_MS = 10;

export interface CpuMs {
  readonly own: number;
  /** Of descendants that have ended and were waited for. */
  readonly reaped: number;
}

export interface Memory {
  /** Bytes; of several processes, shared pages count in each of them. */
  readonly resident: number;
  /** Bytes; a page shared by n processes counts as 1/n in each. */
  readonly proportional: number;
  /** Bytes of their own, which no file backs. */
  readonly anonymous: number;
}

export interface Outcome {
  readonly stdout: string;
  readonly seconds: number;
  /** Of the process and everything that it waited for. */
  readonly cpuMs: number;
}

export function cpuOf(pid: number | 'self'): CpuMs {
  const [user, system, reapedUser, reapedSystem] = statOf(pid).slice(11, 15).map(Number) as [number, number, number, number];
  return { own: (user + system) * TICK_MS, reaped: (reapedUser + reapedSystem) * TICK_MS };
}

/** All CPU time of a tree: of processes that run, and of those that have ended and were waited for. */
export function cpuOfTree(root: number): number {
  const all = [root, ...descendantsOf(root)].map(cpuOf);
  return all.reduce((sum, { own, reaped }) => sum + own + reaped, 0);
}

export function memoryOfTree(root: number): Memory {
  const mapsOf = (pid: number) => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const all = [mapsOf(root), ...descendantsOf(root).flatMap((pid) => unlessEnded(() => mapsOf(pid)))];
  // A process that has ended and was not waited for yet has no memory.
  const sum = (field: string) =>
    all.reduce((bytes, text) => bytes + 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0), 0);
  return { resident: sum('Rss'), proportional: sum('Pss'), anonymous: sum('Anonymous') };
}

export function childrenOf(parent: number): number[] {
  return processes().flatMap(({ pid, parent: its }) => (its === parent ? [pid] : []));
}

export function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

/** The cores that this process may use. */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s+(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
  return list.split(',').flatMap((range) => {
    const [first, last] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: (last ?? first) - first + 1 }, (_, index) => first + index);
  });
}

/** How long these cores were busy with any process; time that a hypervisor took counts, too. */
export function busyMs(cores: readonly number[]): number {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  return cores.reduce((sum, core) => {
    const [, user, nice, system, , , interrupts, softInterrupts, steal] = lines
      .find((line) => line.startsWith(`cpu${core} `))!
      .split(' ')
      .map(Number);
    return sum + (user! + nice! + system! + interrupts! + softInterrupts! + steal!) * TICK_MS;
  }, 0);
}

/** Runs a command to its end on these cores only. Not two at a time: the CPU time of children that have ended is one sum. */
export async function runOn(cores: readonly number[], command: readonly string[], signal: AbortSignal): Promise<Outcome> {
  const before = cpuOf('self').reaped;
  const startedAt = performance.now();
  const child = spawn('taskset', ['-c', cores.join(','), ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), endOf(child)]);
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`${command.slice(0, 2).join(' ')} failed (${code}): ${stderr.trim().split('\n').at(-1) ?? ''}`);
  return { stdout, seconds: (performance.now() - startedAt) / 1000, cpuMs: cpuOf('self').reaped - before };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream)).toString();
}

function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error('The benchmarks need taskset (package util-linux).') : error),
    );
    child.on('close', (code, signal) => resolve(code ?? signal ?? 1));
  });
}

function descendantsOf(root: number): number[] {
  const all = processes();
  const below = (parent: number): number[] => all.flatMap(({ pid, parent: its }) => (its === parent ? [pid, ...below(pid)] : []));
  return below(root);
}

function processes(): { pid: number; parent: number }[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.flatMap((pid) => unlessEnded(() => ({ pid, parent: Number(statOf(pid)[1]) })));
}

function unlessEnded<T>(look: () => T): T[] {
  try {
    return [look()];
  } catch {
    // It ended meanwhile.
    return [];
  }
}

/** The fields from the state on: the name before it may hold spaces and brackets. */
function statOf(pid: number | 'self'): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
