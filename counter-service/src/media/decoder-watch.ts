/**
 * Watches a decoder from outside: what it holds of memory, what it takes of CPU time, and whether it takes what it is given.
 * It looks at /proc; where there is none (it is Linux that has it), nothing is watched.
 *
 * A decoder hangs when a picture is wanted of it, something was given to it, and it reads nothing for a while: so does one
 * that was stopped, one that waits for ever, and one that reckons without end, for none of them reads the next access unit.
 * One that reads a byte now and then does not hang, but takes more CPU time than any picture is worth.
 */
import { readFileSync } from 'node:fs';

export interface DecoderLimits {
  readonly megabytes: number;
  readonly hangSeconds: number;
  /** Of CPU, while a picture is wanted: for what it was given before, */
  readonly cpuSeconds: number;
  /** and for each access unit given since. */
  readonly cpuSecondsPerUnit: number;
}

/**
 * The largest pictures that are decoded take 25 MB, and a decoder holds 17 of them at most; what is usual takes a tenth.
 * A starved machine may keep a healthy decoder waiting for seconds. An access unit of H.265 in 4K takes 60 ms of CPU, of the
 * largest picture twice that, and each is given some ten times as much; so are the 60 that may lie on the way to it.
 */
export const DECODER_LIMITS: DecoderLimits = { megabytes: 640, hangSeconds: 10, cpuSeconds: 60, cpuSecondsPerUnit: 1 };

const LOOK_MS = 1000;
const PAGE_BYTES = 4096;
/** Fields of /proc/PID/stat after the name: proc(5). */
const STATE = 0;
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;
const MS_PER_TICK = 10;

export class DecoderWatch {
  readonly #limits: DecoderLimits;
  readonly #kill: (why: string) => void;
  readonly #onHidden: () => void;
  readonly #timer: NodeJS.Timeout;
  #given = 0;
  #wanted = false;
  /** How often somebody began to wait. */
  #waits = 0;
  /** As it was when a look first found somebody waiting as now. */
  #since: { waits: number; cpuMs: number; given: number } | undefined;
  #hidden = false;
  #seen: { readBytes: number; given: number } | undefined;
  #readAt = performance.now();

  /**
   * @param kill called once with half a sentence: "it ...".
   * @param onHidden called once when the decoder lives and the system does not let it be watched.
   */
  constructor(pid: number, limits: DecoderLimits, kill: (why: string) => void, onHidden: () => void) {
    this.#limits = limits;
    this.#kill = kill;
    this.#onHidden = onHidden;
    this.#timer = setInterval(() => this.#look(pid), LOOK_MS);
  }

  /** An access unit, or the end, is on its way to the decoder. */
  given(): void {
    this.#given += 1;
  }

  /** Whether somebody waits for a picture: a decoder whose pictures nobody takes has to stop. */
  wanted(wanted: boolean): void {
    this.#wanted = wanted;
    this.#waits += 1;
    this.#readAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(pid: number): void {
    const life = lifeOf(pid);
    if (life === undefined) return;
    const found = lookAt(pid);
    if (found === undefined) return this.#cannotSee(life);
    const { readBytes, residentBytes } = found;
    if (residentBytes > this.#limits.megabytes * 1e6) return this.#end(`it took more than ${this.#limits.megabytes} MB of memory`);
    if (this.#overspends(life)) return this.#end('it took more CPU time than any picture is worth');
    const reads = readBytes !== this.#seen?.readBytes;
    if (reads) this.#seen = { readBytes, given: this.#given };
    const waits = this.#wanted && this.#given > this.#seen!.given;
    if (reads || !waits) this.#readAt = performance.now();
    else if (performance.now() - this.#readAt > this.#limits.hangSeconds * 1000)
      this.#end(`it took nothing for ${this.#limits.hangSeconds} s`);
  }

  #overspends({ cpuMs }: Life): boolean {
    if (!this.#wanted || this.#since?.waits !== this.#waits) {
      this.#since = { waits: this.#waits, cpuMs, given: this.#given };
      return false;
    }
    const { cpuSeconds, cpuSecondsPerUnit } = this.#limits;
    return cpuMs - this.#since.cpuMs > 1000 * (cpuSeconds + cpuSecondsPerUnit * (this.#given - this.#since.given));
  }

  /** One that has just died is none to tell of. */
  #cannotSee({ dead }: Life): void {
    if (dead || this.#hidden) return;
    this.#hidden = true;
    this.#onHidden();
  }

  #end(why: string): void {
    this.stop();
    this.#kill(why);
  }
}

interface Life {
  readonly dead: boolean;
  /** Used so far. */
  readonly cpuMs: number;
}

/** Undefined when the process is gone, or where the system does not tell (it is Linux that does). */
export function lifeOf(pid: number): Life | undefined {
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

/** Undefined when it has died, or must not be looked at: proc(5). */
function lookAt(pid: number): { readBytes: number; residentBytes: number } | undefined {
  try {
    const readBytes = Number(/^rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1]);
    return { readBytes, residentBytes: Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES };
  } catch {
    return undefined;
  }
}
