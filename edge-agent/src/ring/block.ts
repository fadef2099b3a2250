/**
 * The format of everything that outlives the process: facts and bytes under one checksum.
 *
 *   crc32 of all that follows | length of the facts | length of the payload | facts, as JSON | payload
 *   four bytes each, little endian
 *
 * A block that was cut off or changed is not read at all.
 */
import { crc32 } from 'node:zlib';

const HEAD_BYTES = 12;

export interface Block {
  readonly facts: unknown;
  readonly payload: Uint8Array;
  /** Of the whole block. */
  readonly bytes: number;
}

/** The payload is not copied. */
export function encodeBlock(facts: object, payload: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const text = Buffer.from(JSON.stringify(facts));
  const front = Buffer.allocUnsafe(HEAD_BYTES + text.length);
  front.writeUInt32LE(text.length, 4);
  front.writeUInt32LE(payload.length, 8);
  text.copy(front, HEAD_BYTES);
  front.writeUInt32LE(crc32(payload, crc32(front.subarray(4))), 0);
  return [front, payload];
}

/** The block that begins there; undefined if it is broken. The payload is a view of `bytes`. */
export function decodeBlock(bytes: Uint8Array, offset = 0): Block | undefined {
  const rest = Buffer.from(bytes.buffer, bytes.byteOffset + offset, bytes.byteLength - offset);
  if (rest.length < HEAD_BYTES) return undefined;
  const factsEnd = HEAD_BYTES + rest.readUInt32LE(4);
  const end = factsEnd + rest.readUInt32LE(8);
  if (end > rest.length || rest.readUInt32LE(0) !== crc32(rest.subarray(4, end))) return undefined;
  try {
    return { facts: JSON.parse(rest.toString('utf8', HEAD_BYTES, factsEnd)), payload: rest.subarray(factsEnd, end), bytes: end };
  } catch {
    // One in 2^32 broken blocks has the right checksum.
    return undefined;
  }
}
