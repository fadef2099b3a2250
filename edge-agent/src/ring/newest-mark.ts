/**
 * The newest number and time that were assigned, so that they are never assigned again, even if everything else is lost.
 *
 * Two places in one small file are written in turn, so that one is valid whenever the process ends; each has the number,
 * the time and a checksum. The file has its full size from the start: a full folder does not matter to it.
 */
import { constants } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type Folder, NotKept } from './folder.ts';

const NAME = 'newest';
const PLACE_BYTES = 32;
const CONTENT_BYTES = 16;

export interface Newest {
  readonly number: number;
  readonly presentationMicros: number;
}

export const NONE: Newest = { number: 0, presentationMicros: -1 };

export class NewestMark {
  readonly #folder: Folder;
  #fd: number | undefined;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /** At least as new as the last mark; undefined when both places are broken. */
  read(): Newest | undefined {
    const content = this.#folder.content(NAME);
    if (content === undefined) return undefined;
    const places = [0, 1].map((place) => decode(content, place));
    const [one, other] = places.filter((place) => place !== undefined);
    if (one === undefined) return undefined;
    if (other !== undefined) return one.number > other.number ? one : other;
    // The broken place may have been the newer.
    this.#folder.faults.corruptFiles += 1;
    return { ...one, number: one.number + 1 };
  }

  /** Marks this in both places. @throws NotKept */
  begin(newest: Newest): void {
    this.#folder.write(NAME, () => {
      // Opened without truncation: the old mark holds until the new one is written.
      this.#fd ??= this.#folder.open(NAME, constants.O_RDWR | constants.O_CREAT);
      this.#folder.writeAt(this.#fd, [encode(newest), encode(newest)], 0);
    });
  }

  /** A mark that cannot be written leaves an older one: the segments, as long as they are valid, still hold the newest. */
  reached(number: number, presentationMicros: number): void {
    const fd = this.#fd;
    if (fd === undefined) return;
    try {
      this.#folder.write(NAME, () => this.#folder.writeAt(fd, [encode({ number, presentationMicros })], (number % 2) * PLACE_BYTES));
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
    }
  }

  close(): void {
    if (this.#fd !== undefined) this.#folder.disk.closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function encode({ number, presentationMicros }: Newest): Uint8Array {
  const bytes = Buffer.alloc(PLACE_BYTES);
  bytes.writeDoubleLE(number, 0);
  bytes.writeDoubleLE(presentationMicros, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CONTENT_BYTES)), CONTENT_BYTES);
  return bytes;
}

function decode(content: Uint8Array, place: number): Newest | undefined {
  const bytes = Buffer.from(content).subarray(place * PLACE_BYTES, (place + 1) * PLACE_BYTES);
  if (bytes.length < PLACE_BYTES || bytes.readUInt32LE(CONTENT_BYTES) !== crc32(bytes.subarray(0, CONTENT_BYTES))) return undefined;
  return { number: bytes.readDoubleLE(0), presentationMicros: bytes.readDoubleLE(8) };
}
