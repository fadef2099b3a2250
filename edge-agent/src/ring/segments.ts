/** Where the ring stores access units: in segments, each a group of pictures or a part of a long one. */
import type { Codec } from '#proto/media/nut/nut.ts';
import type { GapReason } from '#proto/wire/protocol.ts';
import type { FolderFaults } from './folder.ts';
import type { NumberedUnit } from './recording.ts';

export interface Interruption {
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly reason: keyof typeof GapReason;
}

export interface SegmentHead {
  /** Number of its first access unit. */
  readonly first: number;
  /** Whether that is a keyframe; otherwise the segment continues the group of the one before it. */
  readonly startable: boolean;
  readonly codec: Codec;
  /** The time between this segment and the one before it, if the camera's stream broke there. */
  readonly interruption: Interruption | undefined;
}

export interface Segment {
  /** The room that it takes in the ring. */
  readonly bytes: number;
  /** For the newest segment only. @throws NotKept, and leaves the segment as it was. */
  append(unit: NumberedUnit): void;
  /** The data of its index-th access unit; undefined when it is not what was written, or was removed. */
  read(index: number): Uint8Array | undefined;
  remove(): void;
}

export interface SegmentStore {
  readonly faults: FolderFaults;
  /** @throws NotKept */
  begin(head: SegmentHead): Segment;
  /** Numbers and times are assigned up to here, whether or not the access units could be kept. */
  reached(number: number, presentationMicros: number): void;
  /** `makeRoom` is called when there is no room left; it returns whether it removed something. */
  onFull(makeRoom: () => boolean): void;
}

/** In this process, and gone with it. */
export class MemorySegments implements SegmentStore {
  readonly faults: FolderFaults = { writes: 0, corruptFiles: 0 };

  begin(): Segment {
    return new MemorySegment();
  }

  reached(): void {}

  onFull(): void {}
}

class MemorySegment implements Segment {
  #units: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  append({ data }: NumberedUnit): void {
    this.#units.push(data);
    this.#bytes += data.length;
  }

  read(index: number): Uint8Array | undefined {
    return this.#units[index];
  }

  remove(): void {
    this.#units = [];
  }
}
