/**
 * The ring: the recent groups of pictures of a live camera, in memory.
 *
 * States of a group:
 *   growing   the newest one, access units are still added
 *   whole     a later group has begun
 *   headless  it alone outgrew the ring and lost its first units: a reader inside it may go on, none can start there
 * Invariants:
 *   - groups are in order, each begins with a keyframe unless headless, numbers are contiguous over all of them;
 *   - seconds and bytes stay within the limits: whole groups go first, oldest first, and each loss is counted.
 * A gap is not stored for evicted units: it is what a reader finds between the next number it wants and the first
 * group it can start with.
 */
import type { Codec } from '#proto/media/nut.ts';
import type { GapReason } from '#proto/protocol.ts';
import type { NumberedUnit } from './recording.ts';

export interface Interruption {
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly reason: keyof typeof GapReason;
}

export interface Group {
  readonly codec: Codec;
  /** What lies between this group and the one before it, when the camera's stream broke there. */
  readonly interruption: Interruption | undefined;
  /** Number of units[0]; grows only when the group becomes headless. */
  first: number;
  readonly units: NumberedUnit[];
  bytes: number;
  headless: boolean;
}

export interface RingLimits {
  readonly seconds: number;
  readonly bytes: number;
}

export class Ring {
  readonly #limits: RingLimits;
  #groups: Group[] = [];
  #bytes = 0;
  #evictedUnits = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Access units that went because the ring was full, since the session began. */
  get evictedUnits(): number {
    return this.#evictedUnits;
  }

  get seconds(): number {
    const oldest = this.#groups[0]?.units[0];
    const newest = this.#groups.at(-1)?.units.at(-1);
    return oldest && newest ? (newest.presentationMicros - oldest.presentationMicros) / 1e6 : 0;
  }

  append(unit: NumberedUnit, codec: Codec, interruption?: Interruption): void {
    if (unit.keyframe || interruption !== undefined || this.#groups.length === 0) {
      const headless = !unit.keyframe;
      this.#groups.push({ codec, interruption, first: unit.number, units: [], bytes: 0, headless });
    }
    const group = this.#groups.at(-1)!;
    group.units.push(unit);
    group.bytes += unit.data.length;
    this.#bytes += unit.data.length;
    this.#evict();
  }

  /** The group that holds this number. */
  holding(number: number): Group | undefined {
    return this.#groups.findLast((group) => group.first <= number && number < group.first + group.units.length);
  }

  /** The first group from this number on that a decoder can start with. */
  startableFrom(number: number): Group | undefined {
    return this.#groups.find((group) => !group.headless && group.first >= number);
  }

  startableFor(presentationMicros: number): Group | undefined {
    return this.#groups.findLast((group) => !group.headless && group.units[0]!.presentationMicros <= presentationMicros);
  }

  /** Lets go of the groups before the one that decoding from this time needs. */
  release(presentationMicros: number): void {
    const needed = this.#groups.findLastIndex((group) => group.units[0]!.presentationMicros <= presentationMicros);
    for (const group of this.#groups.splice(0, Math.max(0, needed))) this.#bytes -= group.bytes;
  }

  #evict(): void {
    const over = () => this.#bytes > this.#limits.bytes || this.seconds > this.#limits.seconds;
    while (over() && this.#groups.length > 1) {
      const group = this.#groups.shift()!;
      this.#bytes -= group.bytes;
      this.#evictedUnits += group.units.length;
    }
    const last = this.#groups[0]!;
    while (over() && last.units.length > 1) {
      const unit = last.units.shift()!;
      last.headless = true;
      last.first += 1;
      last.bytes -= unit.data.length;
      this.#bytes -= unit.data.length;
      this.#evictedUnits += 1;
    }
  }
}
