import { ByteQueue } from '../byte-queue.ts';
import type { AccessUnit, Codec } from './nut.ts';
import {
  checksum,
  FILE_ID,
  FLAG,
  MAX_ELIDED_BYTES,
  MAX_FRAME_BYTES,
  MAX_UNCHECKED_PACKET_BYTES,
  NutError,
  START_CODE,
  START_CODE_BYTE,
} from './nut.ts';
import { FieldReader, OutOfBytes } from './fields.ts';
import type { MainHeader, StreamHeader } from './headers.ts';
import { readMainHeader, readStreamHeader } from './headers.ts';

export interface NutStream {
  readonly codec: Codec;
  /** To be read once. Throws `NutError`, `truncated` among its reasons. */
  readonly units: AsyncIterable<AccessUnit>;
}

/** Reads one video stream as it comes: a unit is handed on as soon as its last byte is in. Throws `NutError`. */
export async function readNut(bytes: AsyncIterable<Uint8Array>): Promise<NutStream> {
  const chunks = bytes[Symbol.asyncIterator]();
  const parser = new NutParser();
  let codec: Codec | undefined;
  try {
    while ((codec = parser.readCodec()) === undefined) {
      const chunk = await chunks.next();
      if (chunk.done === true) throw new NutError('truncated', 'the video ended before its first header');
      parser.push(chunk.value);
    }
  } catch (error) {
    await chunks.return?.();
    throw error;
  }
  return { codec, units: readUnits(parser, chunks) };
}

async function* readUnits(parser: NutParser, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<AccessUnit> {
  try {
    for (;;) {
      for (let unit = parser.readUnit(); unit !== undefined; unit = parser.readUnit()) yield unit;
      const chunk = await chunks.next();
      if (chunk.done === true) break;
      parser.push(chunk.value);
    }
    parser.end();
  } finally {
    await chunks.return?.();
  }
}

/** No packet that matters here is longer; codec private data is a few hundred bytes. */
const MAX_PACKET_BYTES = 1024 * 1024;

/** Start code, length and the checksum of both; a length takes at most eight bytes. */
const MAX_PACKET_HEAD_BYTES = 8 + 8 + 4;

/** All fields of a frame but its data: at most 40 bytes, and some room for reserved fields. */
const MAX_FRAME_HEAD_BYTES = 64;

interface FrameHead {
  readonly headBytes: number;
  readonly dataBytes: number;
  readonly elided: Uint8Array;
  readonly keyframe: boolean;
  /** In the stream's time base. */
  readonly time: number;
}

/**
 * The reader without the waiting. Bytes go in by `push`; `readCodec`, then `readUnit` give what is complete, or undefined.
 *
 * Every step either takes bytes off the queue or raises `#wanted` above what is there, so no input makes it turn in place.
 * A step changes nothing else until all its bytes are there, so it may be tried again.
 */
export class NutParser {
  readonly #queue = new ByteQueue();
  /** Below this many bytes another step is in vain. */
  #wanted = FILE_ID.length;
  #identified = false;
  #main: MainHeader | undefined;
  #stream: StreamHeader | undefined;
  /** Presentation time of the last frame, or the syncpoint after it, in the stream's time base. */
  #lastTime: number | undefined;

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  readCodec(): Codec | undefined {
    while (this.#stream === undefined && this.#queue.length >= this.#wanted) this.#step();
    return this.#stream?.codec;
  }

  readUnit(): AccessUnit | undefined {
    while (this.#queue.length >= this.#wanted) {
      const unit = this.#step();
      if (unit !== undefined) return unit;
    }
    return undefined;
  }

  /** No bytes will follow. */
  end(): void {
    if (this.#queue.length > 0 || !this.#identified) throw new NutError('truncated', 'the video ended in the middle of a frame');
  }

  #step(): AccessUnit | undefined {
    this.#wanted = 1;
    if (!this.#identified) this.#identify();
    else if (this.#queue.peek(1)[0] === START_CODE_BYTE) this.#readPacket();
    else return this.#readFrame();
    return undefined;
  }

  #identify(): void {
    if (!FILE_ID.equals(this.#queue.take(FILE_ID.length))) throw new NutError('corrupt', 'the video is not in a NUT container');
    this.#identified = true;
  }

  #readPacket(): void {
    const head = this.#queue.peek(MAX_PACKET_HEAD_BYTES);
    const lengths = this.#complete(head, MAX_PACKET_HEAD_BYTES, (fields) => {
      fields.bytes(START_CODE.main.length);
      const bodyBytes = fields.number();
      if (bodyBytes > MAX_PACKET_BYTES || bodyBytes < 4)
        throw new NutError('corrupt', `the video container is damaged: a packet of ${bodyBytes} bytes`);
      if (bodyBytes > MAX_UNCHECKED_PACKET_BYTES) fields.bytes(4);
      return { headBytes: fields.position, bodyBytes };
    });
    if (lengths === undefined || this.#lacks(lengths.headBytes + lengths.bodyBytes)) return;
    const packetHead = this.#queue.take(lengths.headBytes);
    const body = this.#queue.take(lengths.bodyBytes);
    if (lengths.bodyBytes > MAX_UNCHECKED_PACKET_BYTES) verify(packetHead, 'the head of a packet');
    verify(body, 'a packet');
    this.#handlePacket(packetHead.subarray(0, START_CODE.main.length), body.subarray(0, -4));
  }

  /** Headers are repeated now and then; the first of each counts. Packets of other kinds (info, index) are of no use here. */
  #handlePacket(startCode: Buffer, body: Uint8Array): void {
    try {
      const fields = new FieldReader(body);
      if (startCode.equals(START_CODE.main)) this.#main ??= readMainHeader(fields);
      else if (startCode.equals(START_CODE.stream)) this.#stream ??= readStreamHeader(fields, this.#main?.timeBases ?? []);
      else if (startCode.equals(START_CODE.syncpoint)) this.#lastTime = this.#readSyncpoint(fields);
    } catch (error) {
      if (error instanceof OutOfBytes) throw new NutError('corrupt', 'the video container is damaged: a packet is too short');
      throw error;
    }
  }

  #readSyncpoint(fields: FieldReader): number {
    const { main, stream } = this.#headers();
    const coded = fields.number();
    const timeBase = main.timeBases[coded % main.timeBases.length] ?? stream.timeBase;
    const time = BigInt(Math.floor(coded / main.timeBases.length));
    const { numerator, denominator } = stream.timeBase;
    return Number((time * BigInt(timeBase.numerator) * BigInt(denominator)) / (BigInt(timeBase.denominator) * BigInt(numerator)));
  }

  #readFrame(): AccessUnit | undefined {
    const head = this.#complete(this.#queue.peek(MAX_FRAME_HEAD_BYTES), MAX_FRAME_HEAD_BYTES, (fields) => this.#readFrameHead(fields));
    if (head === undefined || this.#lacks(head.headBytes + head.dataBytes)) return undefined;
    this.#queue.skip(head.headBytes);
    const data = this.#queue.take(head.dataBytes, head.elided);
    this.#lastTime = head.time;
    return { presentationMicros: this.#micros(head.time), keyframe: head.keyframe, data };
  }

  #readFrameHead(fields: FieldReader): FrameHead {
    const { main } = this.#headers();
    const code = main.frameCodes[fields.byte()];
    if (code === undefined || code.flags & FLAG.invalid)
      throw new NutError('corrupt', 'the video container is damaged: an invalid frame code');
    const flags = code.flags & FLAG.coded ? code.flags ^ fields.number() : code.flags;
    if (flags & FLAG.streamId && fields.number() !== 0)
      throw new NutError('corrupt', 'the video container is damaged: a frame of an unknown stream');
    if (flags & FLAG.sideData) throw new NutError('unsupported', 'frames with side data are not supported');
    const time = this.#readTime(fields, flags, code.timeStep);
    const size = code.sizeLow + (flags & FLAG.sizeHigh ? code.sizeFactor * fields.number() : 0);
    if (size > MAX_FRAME_BYTES) throw new NutError('corrupt', `a frame of ${size} bytes is larger than the ${MAX_FRAME_BYTES} allowed`);
    if (flags & FLAG.matchTime) fields.signed();
    const headerIndex = flags & FLAG.headerIndex ? fields.number() : code.headerIndex;
    let reserved = flags & FLAG.reserved ? fields.number() : code.reservedFields;
    for (; reserved > 0; reserved--) fields.number();
    const elided = main.elidedHeaders[size > MAX_ELIDED_BYTES ? 0 : headerIndex];
    if (elided === undefined || elided.length > size)
      throw new NutError('corrupt', 'the video container is damaged: a frame with an impossible header');
    if (flags & FLAG.checksum) verify(fields.withChecksum(), 'the head of a frame');
    return { headBytes: fields.position, dataBytes: size - elided.length, elided, keyframe: (flags & FLAG.key) !== 0, time };
  }

  /** A time is coded as a step from the last, as its low bits (those nearest to the last time), or in full. */
  #readTime(fields: FieldReader, flags: number, step: number): number {
    const { stream } = this.#headers();
    const last = this.#lastTime;
    if (last === undefined) throw new NutError('corrupt', 'the video container is damaged: a frame before the first syncpoint');
    let time = last + step;
    if (flags & FLAG.codedTime) {
      const coded = fields.number();
      const range = 2 ** stream.timeLowBits;
      const lowest = last - Math.floor((range - 1) / 2);
      time = coded < range ? lowest + ((((coded - lowest) % range) + range) % range) : coded - range;
    }
    if (!Number.isSafeInteger(time) || time < 0) throw new NutError('corrupt', 'the video container is damaged: an impossible time');
    return time;
  }

  #micros(time: number): number {
    const { numerator, denominator } = this.#headers().stream.timeBase;
    if (numerator === 1 && denominator === 1_000_000) return time;
    const divisor = BigInt(denominator);
    const micros = Number((BigInt(time) * BigInt(numerator) * 1_000_000n + divisor / 2n) / divisor);
    if (!Number.isSafeInteger(micros)) throw new NutError('corrupt', 'the video container is damaged: an impossible time');
    return micros;
  }

  #headers(): { main: MainHeader; stream: StreamHeader } {
    if (this.#main === undefined || this.#stream === undefined)
      throw new NutError('corrupt', 'the video container is damaged: its headers are missing');
    return { main: this.#main, stream: this.#stream };
  }

  /** Reads a head from the bytes at hand; undefined when it is not all there yet. */
  #complete<Head>(bytes: Uint8Array, limit: number, read: (fields: FieldReader) => Head): Head | undefined {
    try {
      return read(new FieldReader(bytes));
    } catch (error) {
      if (!(error instanceof OutOfBytes)) throw error;
      if (bytes.length >= limit) throw new NutError('corrupt', 'the video container is damaged: a head without end');
      this.#wanted = bytes.length + 1;
      return undefined;
    }
  }

  #lacks(bytes: number): boolean {
    if (this.#queue.length >= bytes) return false;
    this.#wanted = bytes;
    return true;
  }
}

/** A checksum over bytes and their appended checksum is 0. */
function verify(bytes: Uint8Array, what: string): void {
  if (checksum(bytes) !== 0) throw new NutError('corrupt', `the video container is damaged: the checksum of ${what} is wrong`);
}
