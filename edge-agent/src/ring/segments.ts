/** Where the ring's access units lie: in segments, each a group of pictures or a part of a long one. */
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
  /** Whether that is a keyframe: otherwise the segment goes on with the group of the one before it. */
  readonly startable: boolean;
  readonly codec: Codec;
  /** What lies between this segment and the one before it, when the camera's stream broke there. */
  readonly interruption: Interruption | undefined;
}

export interface Segment {
  /** What it takes of the ring's room. */
  readonly bytes: number;
  /** To the newest segment only. @throws NotKept, and what was there before is still there. */
  append(unit: NumberedUnit): void;
  /** The data of its index-th access unit; nothing when it is not what was written, or was let go of. */
  read(index: number): Uint8Array | undefined;
  letGo(): void;
}

export interface SegmentStore {
  readonly faults: FolderFaults;
  /** @throws NotKept */
  begin(head: SegmentHead): Segment;
  /** Access units were numbered up to here, and times given; whether or not they could be kept. */
  reached(number: number, presentationMicros: number): void;
  /** Is asked when there is no room left: whether something could be let go of. */
  onFull(makeRoom: () => boolean): void;
}

/** In this process: gone with it. */
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

  letGo(): void {
    this.#units = [];
  }
}
