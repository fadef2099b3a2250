import { FLAG, NutError, START_CODE_BYTE } from './nut.ts';
import type { Codec } from './nut.ts';
import type { FieldReader } from './fields.ts';

export interface TimeBase {
  readonly numerator: number;
  readonly denominator: number;
}

/** What one of the 256 frame codes says before any field of its frame is read. */
export interface FrameCode {
  readonly flags: number;
  readonly timeStep: number;
  readonly sizeFactor: number;
  readonly sizeLow: number;
  readonly reservedFields: number;
  readonly headerIndex: number;
}

export interface MainHeader {
  readonly timeBases: readonly TimeBase[];
  readonly frameCodes: readonly FrameCode[];
  /** First bytes that many access units share and that are left out of them; index 0 is empty. */
  readonly elidedHeaders: readonly Uint8Array[];
}

export interface StreamHeader {
  readonly codec: Codec;
  readonly timeBase: TimeBase;
  readonly timeLowBits: number;
}

const INVALID_CODE: FrameCode = { flags: FLAG.invalid, timeStep: 0, sizeFactor: 1, sizeLow: 0, reservedFields: 0, headerIndex: 0 };

export function readMainHeader(fields: FieldReader): MainHeader {
  const version = fields.number();
  // 3 is the released one. 4 is what the writer beside this file uses, for its pipe mode.
  if (version !== 3 && version !== 4) throw new NutError('unsupported', `version ${version} of the NUT container is not supported`);
  if (version > 3) fields.number();
  const streams = fields.number();
  if (streams !== 1) throw new NutError('unsupported', `${streams} streams where one video stream was expected`);
  fields.number(); // greatest distance of syncpoints: matters to seeking only
  const timeBases = readTimeBases(fields);
  const frameCodes = readFrameCodes(fields);
  const elidedHeaders = fields.remaining > 0 ? readElidedHeaders(fields) : [new Uint8Array()];
  for (const code of frameCodes) check(code.headerIndex < elidedHeaders.length, 'a frame code names an unknown header');
  return { timeBases, frameCodes, elidedHeaders };
}

export function readStreamHeader(fields: FieldReader, timeBases: readonly TimeBase[]): StreamHeader {
  check(fields.number() === 0, 'the stream has a number other than 0');
  if (fields.number() !== 0) throw new NutError('unsupported', 'the stream is not video');
  const fourccLength = fields.number();
  check(fourccLength === 2 || fourccLength === 4, 'the codec has no four-character code');
  const fourcc = Buffer.from(fields.bytes(fourccLength)).toString('latin1');
  const timeBase = timeBases[fields.number()];
  check(timeBase !== undefined, 'the stream has an unknown time base');
  const timeLowBits = fields.number();
  check(timeLowBits < 16, 'the stream has too many low bits of time');
  fields.number(); // greatest time step without a checksum
  const decodeDelay = fields.number();
  check(decodeDelay < 1000, 'the stream has an impossible decode delay');
  fields.number(); // stream flags
  const privateData = Uint8Array.from(fields.bytes(fields.number()));
  const width = fields.number();
  const height = fields.number();
  check(width > 0 && height > 0 && width <= 65_535 && height <= 65_535, 'the stream has an impossible picture size');
  return { codec: { fourcc, privateData, width, height, decodeDelay }, timeBase, timeLowBits };
}

function readTimeBases(fields: FieldReader): TimeBase[] {
  const count = fields.number();
  check(count > 0 && count <= 1024, 'an impossible number of time bases');
  return Array.from({ length: count }, () => {
    const numerator = fields.number();
    const denominator = fields.number();
    check(numerator > 0 && denominator > 0 && numerator < 2 ** 31 && denominator < 2 ** 31, 'an impossible time base');
    return { numerator, denominator };
  });
}

/** The table is written as runs of codes: a field not given keeps the value of the run before, except size, reserved and count. */
function readFrameCodes(fields: FieldReader): FrameCode[] {
  const codes: FrameCode[] = [];
  let timeStep = 0;
  let sizeFactor = 1;
  let headerIndex = 0;
  while (codes.length < 256) {
    const flags = fields.number();
    const given = fields.number();
    if (given > 0) timeStep = fields.signed();
    if (given > 1) sizeFactor = fields.number();
    if (given > 2) check(fields.number() === 0, 'a frame code names an unknown stream');
    const sizeLow = given > 3 ? fields.number() : 0;
    const reservedFields = given > 4 ? fields.number() : 0;
    const count = given > 5 ? fields.number() : sizeFactor - sizeLow;
    if (given > 6) fields.signed();
    if (given > 7) headerIndex = fields.number();
    for (let field = 8; field < given; field++) fields.number();
    check(count > 0 && count <= 256 - codes.length, 'a run of frame codes is too long');
    for (let step = 0; step < count; step++) {
      if (codes.length === START_CODE_BYTE) codes.push(INVALID_CODE);
      codes.push({ flags, timeStep, sizeFactor, sizeLow: sizeLow + step, reservedFields, headerIndex });
    }
    // The run may end right before the start codes' byte; and 'N' may be the last code that is missing.
    if (codes.length === START_CODE_BYTE) codes.push(INVALID_CODE);
  }
  check(codes.length === 256, 'a run of frame codes is too long');
  return codes;
}

function readElidedHeaders(fields: FieldReader): Uint8Array[] {
  const count = fields.number();
  check(count < 128, 'too many elided headers');
  const headers = [new Uint8Array()];
  for (let index = 0; index < count; index++) headers.push(Uint8Array.from(fields.bytes(fields.number())));
  return headers;
}

function check(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new NutError('corrupt', `the video container is damaged: ${problem}`);
}
