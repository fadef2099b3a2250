import type { AccessUnit, Codec } from './nut.ts';
import { checksum, FILE_ID, FLAG, MAX_UNCHECKED_PACKET_BYTES, START_CODE } from './nut.ts';
import { numberField } from './fields.ts';

/**
 * Version 4 with the pipe flag: one syncpoint at the start and none after it. A reader keeps every syncpoint in memory to
 * seek by; version 3 asks for one per 64 KiB, so a decoder fed for months would grow without bound.
 */
const VERSION = 4;
const MINOR_VERSION = 0;
const PIPE_MODE = 2;

/** The one frame code in use: flags, time and size all follow it. */
const FRAME_CODE = 1;

/** 0: every presentation time is written in full, as itself + 1; or as that of the frame or syncpoint before. */
const TIME_LOW_BITS = 0;
const SAME_TIME = 0;
const MAX_TIME_OF_OLD_FFMPEG = 2 ** 31 - 1;

/** The start of a NUT stream of one video stream in microseconds; `nutFrameHead` and an access unit's data follow, again and again. */
export function nutHeader(codec: Codec): Buffer {
  return Buffer.concat([
    FILE_ID,
    packet(START_CODE.main, mainHeader()),
    packet(START_CODE.stream, streamHeader(codec)),
    packet(START_CODE.syncpoint, [0, 0]),
  ]);
}

/**
 * What precedes the access unit's `data` on the wire. Apart from it, so that the data needs no copy.
 * @param forOldFfmpeg below 5.1, ffmpeg reads 32 bits of a frame's time, which are over after 36 minutes, but 64 of a
 * syncpoint's: from then on each frame has the time of a syncpoint of its own, which ffmpeg keeps in 250 bytes.
 */
export function nutFrameHead(unit: AccessUnit, forOldFfmpeg = false): Buffer {
  const micros = unit.presentationMicros;
  if (!Number.isSafeInteger(micros) || micros < 0)
    throw new RangeError(`presentation time ${micros} is no whole number of microseconds from 0`);
  const flags = FLAG.codedTime | FLAG.sizeHigh | FLAG.checksum | (unit.keyframe ? FLAG.key : 0);
  const frame = (time: number) => withChecksum([FRAME_CODE, ...numberField(flags), ...numberField(time), ...numberField(unit.data.length)]);
  if (!forOldFfmpeg || micros < MAX_TIME_OF_OLD_FFMPEG) return frame(micros + 1);
  return Buffer.concat([packet(START_CODE.syncpoint, [...numberField(micros), 0]), frame(SAME_TIME)]);
}

function mainHeader(): number[] {
  const streams = 1;
  const maxSyncpointDistance = 65_536;
  const timeBases = [1, ...numberField(1), ...numberField(1_000_000)];
  return [
    VERSION,
    MINOR_VERSION,
    streams,
    ...numberField(maxSyncpointDistance),
    ...timeBases,
    ...frameCodes(FLAG.invalid, FRAME_CODE),
    ...frameCodes(FLAG.coded, 1),
    // What is left of 256 but one: the start codes' byte is no frame code and not counted.
    ...frameCodes(FLAG.invalid, 256 - FRAME_CODE - 1 - 1),
    0, // elision headers
    PIPE_MODE,
  ];
}

/** `count` frame codes with these flags: six fields, time step 0, size factor 1, stream 0, size 0, nothing reserved. */
function frameCodes(flags: number, count: number): number[] {
  return [...numberField(flags), 6, 0, 1, 0, 0, 0, ...numberField(count)];
}

function streamHeader(codec: Codec): Uint8Array {
  const streamId = 0;
  const video = 0;
  const fourcc = Buffer.from(codec.fourcc, 'latin1');
  const timeBase = 0;
  const maxTimeStep = 1_000_000;
  const streamFlags = 0;
  const aspectRatioUnknown = [0, 0];
  const colorspaceUnknown = 0;
  return Buffer.concat([
    Buffer.from([streamId, video, fourcc.length, ...fourcc]),
    Buffer.from([timeBase, TIME_LOW_BITS, ...numberField(maxTimeStep), ...numberField(codec.decodeDelay), streamFlags]),
    Buffer.from(numberField(codec.privateData.length)),
    codec.privateData,
    Buffer.from([...numberField(codec.width), ...numberField(codec.height), ...aspectRatioUnknown, colorspaceUnknown]),
  ]);
}

function packet(startCode: Uint8Array, body: Uint8Array | number[]): Buffer {
  const checked = withChecksum(body);
  const head = [...startCode, ...numberField(checked.length)];
  return Buffer.concat([checked.length > MAX_UNCHECKED_PACKET_BYTES ? withChecksum(head) : Buffer.from(head), checked]);
}

function withChecksum(bytes: Uint8Array | number[]): Buffer {
  const result = Buffer.alloc(bytes.length + 4);
  result.set(bytes);
  result.writeUInt32BE(checksum(result.subarray(0, -4)), bytes.length);
  return result;
}
