/** H.264 as a camera has it: access units, and the RTP packets that carry them (RFC 6184). */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type AccessUnit = readonly Buffer[];

export const NAL = { slice: 1, keyframe: 5, sps: 7, pps: 8, delimiter: 9, fragment: 28 } as const;
export const typeOf = (nal: Buffer): number => nal[0]! & 0x1f;

const MAX_PAYLOAD_BYTES = 1400;

/**
 * Codes a clip anew without B-frames.
 * @param keyframeEvery pictures.
 * @param filter ffmpeg's -vf.
 */
export async function encodeForCamera(
  clip: string,
  { fromSeconds = 0, seconds = 5, keyframeEvery = 20, filter = 'null' } = {},
): Promise<AccessUnit[]> {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-camera-'));
  const file = join(folder, 'clip.h264');
  const input = ['-nostdin', '-loglevel', 'error', '-ss', String(fromSeconds), '-i', clip, '-t', String(seconds), '-vf', filter];
  const groups = ['-g', String(keyframeEvery), '-keyint_min', String(keyframeEvery), '-sc_threshold', '0'];
  const coding = ['-an', '-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', ...groups, '-bsf:v', 'h264_metadata=aud=insert'];
  try {
    await promisify(execFile)('ffmpeg', [...input, ...coding, '-f', 'h264', file]);
    return accessUnits(await readFile(file));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Of a stream with access unit delimiters, which are left out. */
export function accessUnits(stream: Buffer): AccessUnit[] {
  const units: Buffer[][] = [];
  for (const nal of nals(stream)) {
    if (typeOf(nal) === NAL.delimiter) units.push([]);
    else units.at(-1)?.push(nal);
  }
  return units;
}

export const isKeyframe = (unit: AccessUnit): boolean => unit.some((nal) => typeOf(nal) === NAL.keyframe);

function* nals(stream: Buffer): Generator<Buffer> {
  const START = Buffer.from([0, 0, 1]);
  for (let at = stream.indexOf(START); at >= 0;) {
    const next = stream.indexOf(START, at + 3);
    let end = next < 0 ? stream.length : next;
    while (stream[end - 1] === 0) end -= 1;
    yield stream.subarray(at + 3, end);
    at = next;
  }
}

/** @param timestamp of the RTP clock; any integer, of which the lowest 32 bits are sent. */
export function rtpPackets(unit: AccessUnit, timestamp: number, firstSequence: number): Buffer[] {
  const payloads = unit.flatMap(fragments);
  return payloads.map((payload, index) => {
    const head = Buffer.alloc(12);
    const isLast = index === payloads.length - 1;
    head.writeUInt8(0x80, 0);
    head.writeUInt8(96 | (isLast ? 0x80 : 0), 1);
    head.writeUInt16BE((firstSequence + index) & 0xffff, 2);
    head.writeUInt32BE(Number(BigInt.asUintN(32, BigInt(Math.round(timestamp)))), 4);
    head.writeUInt32BE(0x1234, 8);
    return Buffer.concat([head, payload]);
  });
}

function fragments(nal: Buffer): Buffer[] {
  if (nal.length <= MAX_PAYLOAD_BYTES) return [nal];
  const pieces: Buffer[] = [];
  const step = MAX_PAYLOAD_BYTES - 2;
  for (let at = 1; at < nal.length; at += step) {
    const flags = (at === 1 ? 0x80 : 0) | (at + step >= nal.length ? 0x40 : 0);
    const head = Buffer.from([(nal[0]! & 0xe0) | NAL.fragment, flags | typeOf(nal)]);
    pieces.push(Buffer.concat([head, nal.subarray(at, at + step)]));
  }
  return pieces;
}
