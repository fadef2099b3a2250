import { NutError } from './nut.ts';

/** The fields ran past the bytes at hand: more must come, or the enclosing packet lies about its length. */
export class OutOfBytes extends Error {
  override readonly name = 'OutOfBytes';
}

/** Reads NUT's basic fields one after another; past the end it throws `OutOfBytes`. */
export class FieldReader {
  position = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.position;
  }

  byte(): number {
    const byte = this.#bytes[this.position];
    if (byte === undefined) throw new OutOfBytes();
    this.position++;
    return byte;
  }

  /** Seven bits a byte, highest first, the top bit says that more follow. */
  number(): number {
    let value = 0;
    let byte = this.byte();
    while (byte & 0x80) {
      value = value * 128 + (byte & 0x7f);
      byte = this.byte();
    }
    value = value * 128 + byte;
    if (!Number.isSafeInteger(value)) throw new NutError('corrupt', 'a number of the video container is too large');
    return value;
  }

  /** 0, 1, -1, 2, -2, ... as 0, 1, 2, 3, 4, ... */
  signed(): number {
    const value = this.number() + 1;
    return value % 2 === 1 ? -Math.floor(value / 2) : value / 2;
  }

  bytes(length: number): Uint8Array {
    if (length > this.remaining) throw new OutOfBytes();
    const start = this.position;
    this.position += length;
    return this.#bytes.subarray(start, this.position);
  }

  /** Everything read so far with the checksum that follows it. */
  withChecksum(): Uint8Array {
    this.bytes(4);
    return this.#bytes.subarray(0, this.position);
  }
}

/** `number()` of the reader, the other way round. */
export function numberField(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(128 | (rest % 128));
  return bytes;
}
