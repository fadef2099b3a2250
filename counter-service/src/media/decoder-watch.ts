/**
 * Watches a decoder process by /proc: its memory, its CPU time, and whether it reads its input. On systems without /proc
 * (all but Linux) nothing is watched.
 *
 * A decoder hangs when a reader waits for a picture, input was written, and the decoder reads nothing for some seconds.
 * That covers a stopped process, a deadlock and an endless computation, for none of them reads the next access unit. A
 * decoder that reads a byte now and then does not hang, but exceeds its CPU time.
 */
import { readFileSync } from 'node:fs';

export interface DecoderLimits {
  readonly megabytes: number;
  readonly hangSeconds: number;
  /** CPU time while a reader waits for a picture, for input that was written before the wait. */
  readonly cpuSeconds: number;
  /** CPU time for each access unit that is written during the wait. */
  readonly cpuSecondsPerUnit: number;
}

/**
 * Memory: the largest accepted picture has 25 MB, and a decoder holds at most 17 of them; usual video takes a tenth.
 * Hang: on an overloaded machine a healthy decoder may wait for seconds.
 * CPU: an access unit of 4K H.265 takes 60 ms, of the largest picture twice that. The limit allows ten times as much for
 * each, and for the 60 access units that may be queued before it.
 */
export const DECODER_LIMITS: DecoderLimits = { megabytes: 640, hangSeconds: 10, cpuSeconds: 60, cpuSecondsPerUnit: 1 };

const POLL_MS = 1000;
const PAGE_BYTES = 4096;
/** Fields of /proc/PID/stat after the name: proc(5). */
const STATE = 0;
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;
const MS_PER_TICK = 10;

export class DecoderWatch {
  readonly #limits: DecoderLimits;
  readonly #kill: (why: string) => void;
  readonly #onUnwatchable: () => void;
  readonly #timer: NodeJS.Timeout;
  #inputs = 0;
  #readerWaiting = false;
  /** Waits of the reader so far. */
  #waits = 0;
  /** CPU time and inputs at the first poll of the current wait. */
  #since: { waits: number; cpuMs: number; inputs: number } | undefined;
  #unwatchable = false;
  #lastRead: { readBytes: number; inputs: number } | undefined;
  #readAt = performance.now();

  /**
   * @param kill called once, with the rest of a sentence: "it ...".
   * @param onUnwatchable called once when the system does not let this process read the /proc files of a living decoder.
   */
  constructor(pid: number, limits: DecoderLimits, kill: (why: string) => void, onUnwatchable: () => void) {
    this.#limits = limits;
    this.#kill = kill;
    this.#onUnwatchable = onUnwatchable;
    this.#timer = setInterval(() => this.#poll(pid), POLL_MS);
  }

  /** Call it for each access unit written to the decoder, and for the end of its input. */
  countInput(): void {
    this.#inputs += 1;
  }

  /** Whether a reader waits for a picture: without a reader, a healthy decoder stops reading its input, too. */
  setReaderWaiting(waiting: boolean): void {
    this.#readerWaiting = waiting;
    this.#waits += 1;
    this.#readAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #poll(pid: number): void {
    const state = processState(pid);
    if (state === undefined) return;
    const usage = usageOf(pid);
    if (usage === undefined) return this.#reportUnwatchable(state);
    const { readBytes, residentBytes } = usage;
    if (residentBytes > this.#limits.megabytes * 1e6) return this.#end(`it took more than ${this.#limits.megabytes} MB of memory`);
    if (this.#overspends(state)) return this.#end('it took more CPU time than any picture is worth');
    const reads = readBytes !== this.#lastRead?.readBytes;
    if (reads) this.#lastRead = { readBytes, inputs: this.#inputs };
    const waits = this.#readerWaiting && this.#inputs > this.#lastRead!.inputs;
    if (reads || !waits) this.#readAt = performance.now();
    else if (performance.now() - this.#readAt > this.#limits.hangSeconds * 1000)
      this.#end(`it took nothing for ${this.#limits.hangSeconds} s`);
  }

  #overspends({ cpuMs }: ProcessState): boolean {
    if (!this.#readerWaiting || this.#since?.waits !== this.#waits) {
      this.#since = { waits: this.#waits, cpuMs, inputs: this.#inputs };
      return false;
    }
    const { cpuSeconds, cpuSecondsPerUnit } = this.#limits;
    return cpuMs - this.#since.cpuMs > 1000 * (cpuSeconds + cpuSecondsPerUnit * (this.#inputs - this.#since.inputs));
  }

  /** A decoder that has just died is no reason to report. */
  #reportUnwatchable({ dead }: ProcessState): void {
    if (dead || this.#unwatchable) return;
    this.#unwatchable = true;
    this.#onUnwatchable();
  }

  #end(why: string): void {
    this.stop();
    this.#kill(why);
  }
}

interface ProcessState {
  readonly dead: boolean;
  /** User and system time so far. */
  readonly cpuMs: number;
}

/** Undefined when the process is gone, and on systems without /proc. */
export function processState(pid: number): ProcessState | undefined {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return {
      dead: 'ZX'.includes(afterName[STATE]!),
      cpuMs: (Number(afterName[USER_TICKS]) + Number(afterName[SYSTEM_TICKS])) * MS_PER_TICK,
    };
  } catch {
    return undefined;
  }
}

/** Undefined when the process is gone, or its files may not be read: proc(5). */
function usageOf(pid: number): { readBytes: number; residentBytes: number } | undefined {
  try {
    const readBytes = Number(/^rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1]);
    return { readBytes, residentBytes: Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES };
  } catch {
    return undefined;
  }
}
