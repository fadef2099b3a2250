/**
 * Watches a decoder from outside: what it holds of memory, and whether it takes what it is given. It looks at /proc; where
 * there is none (it is Linux that has it), nothing is watched.
 *
 * A decoder hangs when a picture is wanted of it, something was given to it, and it reads nothing for a while: so does one
 * that was stopped, one that waits for ever, and one that reckons without end, for none of them reads the next access unit.
 */
import { readFileSync } from 'node:fs';

export interface DecoderLimits {
  readonly megabytes: number;
  readonly hangSeconds: number;
}

/**
 * The largest pictures that are decoded take 25 MB, and a decoder holds 17 of them at most; what is usual takes a tenth.
 * A starved machine may keep a healthy decoder waiting for seconds.
 */
export const DECODER_LIMITS: DecoderLimits = { megabytes: 640, hangSeconds: 10 };

const LOOK_MS = 1000;
const PAGE_BYTES = 4096;

export class DecoderWatch {
  readonly #limits: DecoderLimits;
  readonly #kill: (why: string) => void;
  readonly #timer: NodeJS.Timeout;
  #given = 0;
  #wanted = false;
  #seen: { readBytes: number; given: number } | undefined;
  #readAt = performance.now();

  /** @param kill called once with half a sentence: "it ...". */
  constructor(pid: number, limits: DecoderLimits, kill: (why: string) => void) {
    this.#limits = limits;
    this.#kill = kill;
    this.#timer = setInterval(() => this.#look(pid), LOOK_MS);
  }

  /** An access unit, or the end, is on its way to the decoder. */
  given(): void {
    this.#given += 1;
  }

  /** Whether somebody waits for a picture: a decoder whose pictures nobody takes has to stop. */
  wanted(wanted: boolean): void {
    this.#wanted = wanted;
    this.#readAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(pid: number): void {
    const found = lookAt(pid);
    if (found === undefined) return;
    const { readBytes, residentBytes } = found;
    if (residentBytes > this.#limits.megabytes * 1e6) return this.#end(`it took more than ${this.#limits.megabytes} MB of memory`);
    const reads = readBytes !== this.#seen?.readBytes;
    if (reads) this.#seen = { readBytes, given: this.#given };
    const waits = this.#wanted && this.#given > this.#seen!.given;
    if (reads || !waits) this.#readAt = performance.now();
    else if (performance.now() - this.#readAt > this.#limits.hangSeconds * 1000) this.#end(`it took nothing for ${this.#limits.hangSeconds} s`);
  }

  #end(why: string): void {
    this.stop();
    this.#kill(why);
  }
}

/** Undefined when it is gone, or where the system does not tell: proc(5). */
function lookAt(pid: number): { readBytes: number; residentBytes: number } | undefined {
  try {
    const readBytes = Number(/^rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1]);
    return { readBytes, residentBytes: Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES };
  } catch {
    return undefined;
  }
}
