/**
 * NUT, the container between ffmpeg and our processes, as far as one video stream on a pipe needs it
 * (specification: https://ffmpeg.org/nut.html and doc/nut.txt of https://github.com/lu-zero/nut).
 *
 *   "nut/multimedia container\0"
 *   main header      time bases; a table that gives each of 256 frame codes its flags, size and time step
 *   stream header    codec, its private data, picture size
 *   info ...         skipped
 *   syncpoint        "time is now T"; the times of the frames after it are coded relative to it
 *   frame, frame ... one code byte, what the table left open, the access unit
 *
 * Everything but frames is a packet: a start code beginning with 'N', a length, a body, a checksum. No frame code is 'N'.
 *
 * Why NUT: a muxer hands a frame over at once (Matroska's holds each until the next one begins), it carries any codec
 * ffmpeg knows, and it keeps presentation times and keyframe flags.
 */

/** What a decoder must know before the first access unit. */
export interface Codec {
  /** As ffmpeg writes it, one character per byte: 'H264', 'HEVC', 'MJPG', 'DIV3', ... */
  readonly fourcc: string;
  /** Codec private data: parameter sets in the codec's own form; may be empty. */
  readonly privateData: Uint8Array;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** How many access units a decoder holds back to put them into presentation order; 0 without B-frames. */
  readonly decodeDelay: number;
}

/** One coded picture, in decode order. */
export interface AccessUnit {
  /** Integer, never negative. */
  readonly presentationMicros: number;
  readonly keyframe: boolean;
  /** Its own memory: nothing else writes to it, and holding it holds nothing else. */
  readonly data: Uint8Array;
}

/** The bytes are not NUT as we can read it. `truncated`: they were, but ended in the middle. */
export class NutError extends Error {
  override readonly name = 'NutError';
  readonly reason: 'corrupt' | 'truncated' | 'unsupported';

  constructor(reason: NutError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export const FILE_ID = Buffer.from('nut/multimedia container\0', 'latin1');

export const START_CODE = {
  main: Buffer.from('4e4d7a561f5f04ad', 'hex'),
  stream: Buffer.from('4e5311405bf2f9db', 'hex'),
  syncpoint: Buffer.from('4e4be4adeeca4569', 'hex'),
} as const;

/** The first byte of every start code; never a frame code. */
export const START_CODE_BYTE = 0x4e;

export const FLAG = {
  key: 1,
  codedTime: 8,
  streamId: 16,
  sizeHigh: 32,
  checksum: 64,
  reserved: 128,
  sideData: 256,
  headerIndex: 1024,
  matchTime: 2048,
  coded: 4096,
  invalid: 8192,
} as const;

/** An access unit longer than this takes no elision header. */
export const MAX_ELIDED_BYTES = 4096;

/** A packet longer than this has a checksum of its start code and length, too. */
export const MAX_UNCHECKED_PACKET_BYTES = 4096;

/** 16 MiB: a raw picture of 2560 x 1440 in three bytes a pixel has 11. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

const CHECKSUM_TABLE = new Uint32Array(256).map((_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});

/** NUT's checksum: CRC-32 with generator 0x04C11DB7, highest bit first, starting at 0. */
export function checksum(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value = (value << 8) ^ (CHECKSUM_TABLE[(value >>> 24) ^ byte] ?? 0);
  return value >>> 0;
}
