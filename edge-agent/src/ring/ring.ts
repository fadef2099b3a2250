/**
 * The ring: the recent groups of pictures of a live camera.
 *
 * A group of pictures is one segment; one that fills half of the ring continues in a further segment, so that its head
 * can be evicted while it grows. States of a segment:
 *   growing    the newest one, to which access units are still added
 *   whole      a later one has begun
 *   headless   it continues a group whose head was evicted: a reader inside may go on, but none can start there
 * Invariants:
 *   - segments are in order; their numbers rise, and are contiguous except for losses;
 *   - seconds and bytes stay within the limits: whole segments are evicted, oldest first, and each loss is counted;
 *   - what follows a lost access unit in its group is lost, too: nothing could decode it.
 * The ring stores no gaps: a reader finds one between the next number that it wants and the first group it can start with.
 */
import type { Codec } from '#proto/media/nut/nut.ts';
import { NotKept } from './folder.ts';
import type { Counted, NumberedUnit } from './recording.ts';
import { type Interruption, MemorySegments, type Segment, type SegmentHead, type SegmentStore } from './segments.ts';

export interface KeptUnit {
  readonly presentationMicros: number;
  readonly keyframe: boolean;
}

/** A group of pictures, or a part of a long one. */
export interface Group extends SegmentHead {
  /** Numbered from `first` on. */
  readonly units: KeptUnit[];
  readonly segment: Segment;
}

/** What an earlier process left of a group. */
export interface RecoveredGroup extends Group {
  /** Whether its end could not be read. */
  readonly torn: boolean;
}

export interface RingLimits {
  readonly seconds: number;
  readonly bytes: number;
}

export class Ring {
  readonly #limits: RingLimits;
  readonly #store: SegmentStore;
  #groups: Group[];
  /** Undefined before the first access unit and, after one was lost, until the next keyframe. */
  #growing: Group | undefined;
  #bytes: number;
  #evictedUnits = 0;

  constructor(limits: RingLimits, store: SegmentStore = new MemorySegments(), recovered: readonly Group[] = []) {
    this.#limits = limits;
    this.#store = store;
    this.#groups = [...recovered];
    this.#bytes = recovered.reduce((sum, { segment }) => sum + segment.bytes, 0);
    store.onFull(() => this.#makeRoom());
    this.#evict();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Access units that were evicted from a full ring, or could not be kept, since the process began. */
  get evictedUnits(): number {
    return this.#evictedUnits;
  }

  get seconds(): number {
    const oldest = this.#groups[0]?.units[0];
    const newest = this.#groups.at(-1)?.units.at(-1);
    return oldest && newest ? (newest.presentationMicros - oldest.presentationMicros) / 1e6 : 0;
  }

  get faults(): SegmentStore['faults'] {
    return this.#store.faults;
  }

  append(unit: NumberedUnit, codec: Codec, interruption?: Interruption): void {
    try {
      if (!this.#keep(unit, codec, interruption)) this.#evictedUnits += 1;
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
      this.#growing = undefined;
      this.#evictedUnits += 1;
    }
    this.#store.reached(unit.number, unit.presentationMicros);
    this.#evict();
  }

  /** Undefined when it was evicted, or is not what was written: then it is lost, and so is what follows it in its group. */
  read(group: Group, number: number): NumberedUnit | undefined {
    const index = number - group.first;
    const unit = group.units[index];
    if (unit === undefined) return undefined;
    const data = group.segment.read(index);
    if (data !== undefined) return { ...unit, number, data };
    if (this.#groups.includes(group)) this.#cut(group, index);
    return undefined;
  }

  /** The group that holds this number. */
  holding(number: number): Group | undefined {
    return this.#groups.findLast((group) => group.first <= number && number < endOf(group));
  }

  /** The first group from this number on that a decoder can start with. */
  startableFrom(number: number): Group | undefined {
    return this.#groups.find((group) => group.startable && group.first >= number);
  }

  /** The group from which a decoder reaches everything after what is counted, unless something in between is missing. */
  startableFor({ position, presentationMicros }: Counted): Group | undefined {
    const index = this.#groups.findLastIndex((group) => group.startable && group.units[0]!.presentationMicros <= presentationMicros);
    let end = this.#groups[index]?.first ?? Infinity;
    for (const group of this.#groups.slice(Math.max(0, index))) {
      if (end > position || group.first !== end) break;
      end = endOf(group);
    }
    return end > position ? this.#groups[index] : undefined;
  }

  newestStartable(): Group | undefined {
    return this.#groups.findLast((group) => group.startable);
  }

  /** Removes the groups before the one that decoding from this time needs. */
  release(presentationMicros: number): void {
    const needed = this.#groups.findLastIndex((group) => group.startable && group.units[0]!.presentationMicros <= presentationMicros);
    for (let count = Math.max(0, needed); count > 0; count -= 1) this.#shift();
  }

  /** False when nothing could decode it. @throws NotKept */
  #keep(unit: NumberedUnit, codec: Codec, interruption: Interruption | undefined): boolean {
    if (this.#growing === undefined && !unit.keyframe) return false;
    if (unit.keyframe || this.#long(unit)) {
      // From here on, even the group that grew so far may be evicted to make room.
      this.#growing = undefined;
      this.#growing = this.#begin(unit, codec, interruption);
      this.#groups.push(this.#growing);
    } else {
      const { segment } = this.#growing!;
      const before = segment.bytes;
      segment.append(unit);
      this.#bytes += segment.bytes - before;
    }
    this.#growing!.units.push({ presentationMicros: unit.presentationMicros, keyframe: unit.keyframe });
    return true;
  }

  /** Begins a segment with this access unit. */
  #begin(unit: NumberedUnit, codec: Codec, interruption: Interruption | undefined): Group {
    const head = { first: unit.number, startable: unit.keyframe, codec, interruption };
    const segment = this.#store.begin(head);
    try {
      segment.append(unit);
    } catch (error) {
      segment.remove();
      throw error;
    }
    this.#bytes += segment.bytes;
    return { ...head, units: [], segment };
  }

  /** Whether the growing segment alone takes half of the ring. */
  #long({ presentationMicros }: NumberedUnit): boolean {
    const { segment, units } = this.#growing!;
    const seconds = (presentationMicros - units[0]!.presentationMicros) / 1e6;
    return segment.bytes >= this.#limits.bytes / 2 || seconds >= this.#limits.seconds / 2;
  }

  #cut(group: Group, index: number): void {
    this.#evictedUnits += group.units.length - index;
    if (group === this.#growing) this.#growing = undefined;
    if (index > 0) {
      group.units.length = index;
      return;
    }
    this.#groups = this.#groups.filter((other) => other !== group);
    this.#bytes -= group.segment.bytes;
    group.segment.remove();
  }

  #evict(): void {
    const over = () => this.#bytes > this.#limits.bytes || this.seconds > this.#limits.seconds;
    while (this.#groups.length > 1 && over()) this.#evictOldest();
  }

  #makeRoom(): boolean {
    const oldest = this.#groups[0];
    if (oldest === undefined || oldest === this.#growing) return false;
    this.#evictOldest();
    return true;
  }

  #evictOldest(): void {
    this.#evictedUnits += this.#shift().units.length;
  }

  #shift(): Group {
    const group = this.#groups.shift()!;
    this.#bytes -= group.segment.bytes;
    group.segment.remove();
    return group;
  }
}

function endOf({ first, units }: Group): number {
  return first + units.length;
}
