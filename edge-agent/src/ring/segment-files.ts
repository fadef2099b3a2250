/**
 * Segments as files: each is a block with the segment's head, then a block for each access unit, in order. Files grow at
 * their end only, and only the newest one does. A file is valid up to its first broken block.
 *
 * The bytes are in the files only; the process remembers where each access unit begins.
 */
import type { Codec } from '#proto/media/nut/nut.ts';
import { decodeBlock, encodeBlock } from './block.ts';
import { type Folder, NotKept } from './folder.ts';
import type { NewestMark } from './newest-mark.ts';
import type { NumberedUnit } from './recording.ts';
import type { KeptUnit, RecoveredGroup } from './ring.ts';
import type { Interruption, Segment, SegmentHead, SegmentStore } from './segments.ts';

const NAME = /^\d{16}\.segment$/;
/** A file takes room in whole pages. */
const PAGE_BYTES = 4096;

interface HeadFacts {
  readonly life: string;
  readonly first: number;
  readonly startable: boolean;
  /** Without the private data, which are the payload. */
  readonly codec: Omit<Codec, 'privateData'>;
  readonly interruption?: Interruption;
}

interface UnitFacts extends KeptUnit {
  readonly number: number;
}

interface Extent {
  readonly offset: number;
  readonly bytes: number;
}

export class FileSegments implements SegmentStore {
  readonly #folder: Folder;
  readonly #life: string;
  readonly #mark: NewestMark;
  /** The segment that is open for reading: a reader reads one after the other. */
  #reading: { readonly name: string; readonly fd: number } | undefined;
  /** The newest segment. */
  #writing: { readonly name: string; readonly fd: number } | undefined;

  /** @param life marks what belongs to this content of the folder. */
  constructor(folder: Folder, life: string, mark: NewestMark) {
    this.#folder = folder;
    this.#life = life;
    this.#mark = mark;
  }

  get faults(): Folder['faults'] {
    return this.#folder.faults;
  }

  begin(head: SegmentHead): Segment {
    const name = `${String(head.first).padStart(16, '0')}.segment`;
    const { privateData, ...codec } = head.codec;
    const { first, startable, interruption } = head;
    const facts: HeadFacts = { life: this.#life, first, startable, codec, ...(interruption && { interruption }) };
    this.#writing = this.#close(this.#writing);
    try {
      const bytes = this.#folder.write('a segment', () => {
        this.#writing ??= { name, fd: this.#folder.open(name, 'w') };
        return this.#folder.writeAt(this.#writing.fd, encodeBlock(facts, privateData), 0);
      });
      return new FileSegment(this, name, [], bytes);
    } catch (error) {
      this.remove(name);
      throw error;
    }
  }

  reached(number: number, presentationMicros: number): void {
    this.#mark.reached(number, presentationMicros);
  }

  onFull(makeRoom: () => boolean): void {
    this.#folder.makeRoom = makeRoom;
  }

  /** Everything valid, in the order of the numbers. What follows a broken block in its file is lost. */
  recover(): RecoveredGroup[] {
    const groups: RecoveredGroup[] = [];
    let end = 0;
    for (const name of this.#folder.names().filter((one) => NAME.test(one))) {
      const group = this.#recover(name);
      if (group === undefined || group.first < end) {
        this.#folder.remove(name);
        continue;
      }
      end = group.first + group.units.length;
      groups.push(group);
    }
    return groups;
  }

  #recover(name: string): RecoveredGroup | undefined {
    const content = this.#folder.content(name);
    if (content === undefined) return undefined;
    const block = decodeBlock(content);
    if (block === undefined) {
      // In a file this small, the process may have ended before it wrote the head: then nothing is lost.
      if (content.length > PAGE_BYTES) this.#folder.faults.corruptFiles += 1;
      return undefined;
    }
    const { life, first, startable, codec, interruption } = block.facts as HeadFacts;
    if (life !== this.#life) return undefined;
    const units: KeptUnit[] = [];
    const extents: Extent[] = [];
    let offset = block.bytes;
    for (let next = decodeBlock(content, offset); next !== undefined; next = decodeBlock(content, offset)) {
      const { number, presentationMicros, keyframe } = next.facts as UnitFacts;
      if (number !== first + units.length) break;
      units.push({ presentationMicros, keyframe });
      extents.push({ offset, bytes: next.bytes });
      offset += next.bytes;
    }
    if (units.length === 0) return undefined;
    const head = { first, startable, codec: { ...codec, privateData: new Uint8Array(block.payload) }, interruption };
    return { ...head, units, torn: offset < content.length, segment: new FileSegment(this, name, extents, offset) };
  }

  /** @throws NotKept */
  append(name: string, unit: NumberedUnit, offset: number): number {
    const fd = this.#writing?.name === name ? this.#writing.fd : undefined;
    if (fd === undefined) throw new NotKept('This segment is no longer written to.');
    const { number, presentationMicros, keyframe, data } = unit;
    const facts: UnitFacts = { number, presentationMicros, keyframe };
    try {
      return this.#folder.write('an access unit', () => this.#folder.writeAt(fd, encodeBlock(facts, data), offset));
    } catch (error) {
      // Removes the part that was written. If that fails, the part is overwritten, or skipped by the next process.
      try {
        this.#folder.disk.ftruncateSync(fd, offset);
      } catch {
        this.#folder.faults.writes += 1;
      }
      throw error;
    }
  }

  /** The payload of a block, if it is what was written. */
  read(name: string, { offset, bytes }: Extent): Uint8Array | undefined {
    try {
      if (this.#reading?.name !== name) {
        this.#reading = this.#close(this.#reading);
        this.#reading = { name, fd: this.#folder.open(name, 'r') };
      }
      const content = Buffer.allocUnsafeSlow(bytes);
      if (this.#folder.disk.readSync(this.#reading.fd, content, 0, bytes, offset) === bytes) {
        const block = decodeBlock(content);
        if (block?.bytes === bytes) return block.payload;
      }
    } catch {
      // A block that cannot be read counts as corrupt.
    }
    this.#folder.faults.corruptFiles += 1;
    return undefined;
  }

  remove(name: string): void {
    if (this.#reading?.name === name) this.#reading = this.#close(this.#reading);
    if (this.#writing?.name === name) this.#writing = this.#close(this.#writing);
    this.#folder.remove(name);
  }

  close(): void {
    this.#reading = this.#close(this.#reading);
    this.#writing = this.#close(this.#writing);
    this.#mark.close();
  }

  #close(file: { readonly fd: number } | undefined): undefined {
    if (file !== undefined) this.#folder.disk.closeSync(file.fd);
  }
}

class FileSegment implements Segment {
  readonly #files: FileSegments;
  readonly #name: string;
  readonly #extents: Extent[];
  #end: number;
  #removed = false;

  /** @param end where the next block begins. */
  constructor(files: FileSegments, name: string, extents: Extent[], end: number) {
    this.#files = files;
    this.#name = name;
    this.#extents = extents;
    this.#end = end;
  }

  get bytes(): number {
    return this.#end + PAGE_BYTES;
  }

  append(unit: NumberedUnit): void {
    const bytes = this.#files.append(this.#name, unit, this.#end);
    this.#extents.push({ offset: this.#end, bytes });
    this.#end += bytes;
  }

  read(index: number): Uint8Array | undefined {
    const extent = this.#extents[index];
    return extent === undefined || this.#removed ? undefined : this.#files.read(this.#name, extent);
  }

  remove(): void {
    this.#removed = true;
    this.#files.remove(this.#name);
  }
}
