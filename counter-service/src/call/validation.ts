/**
 * Validates the agent's messages before any code relies on them. Each function throws Refused INVALID with a sentence
 * that names the fault; this ends the agent's own call and no other.
 */
import { name } from '#crds/fields.ts';
import type { CodecMessage, GapMessage, Hello, StreamName } from '#proto/wire/protocol.ts';
import { GapReason } from '#proto/wire/protocol.ts';
import type { NumberedUnit } from '../media/footage.ts';
import { Refused } from '../refusal.ts';

const nameField = name();
const ID = /^[A-Za-z0-9][-A-Za-z0-9_.]{0,127}$/;
/** The parameter sets of cameras' codecs have a few hundred bytes. */
const MAX_PRIVATE_BYTES = 64 * 1024;
/** 16 megapixels: a 4K camera has 8, the largest cameras on sale have 12 in one picture. */
const MAX_PIXELS = 4096 * 4096;
const MAX_SIDE = 16_384;
/** Decoders of H.264 and H.265 hold back 16 pictures at most. */
const MAX_DECODE_DELAY = 32;
/** With forward references, pictures arrive before pictures that are shown earlier: time may go back by this much. */
const MAX_REORDER_MICROS = 30e6;

export function validateStream({ stream, session, lastTerm, sessionStartMicros }: Hello): StreamName {
  if (stream === null || session === '') throw invalid('The agent did not say who it is.');
  if (!isName(stream.namespace) || !isName(stream.name) || !ID.test(stream.uid))
    throw invalid('The agent gave a name that no CameraStream can have.');
  if (!ID.test(session)) throw invalid('The agent gave a session that is no id.');
  if (!Number.isSafeInteger(lastTerm)) throw invalid(`There is no term ${lastTerm}.`);
  if (!Number.isSafeInteger(sessionStartMicros) || sessionStartMicros < 0) {
    throw invalid(`The agent's session cannot have begun ${sessionStartMicros} microseconds after 1970.`);
  }
  return stream;
}

export function validateCodec({ fourcc, privateData, width, height, decodeDelay }: CodecMessage): void {
  if (fourcc.length !== 4 && fourcc.length !== 2) throw invalid(`A codec has four characters, not ${fourcc.length}.`);
  if (privateData.length > MAX_PRIVATE_BYTES)
    throw invalid(`The codec's private data has ${privateData.length} bytes, and may have ${MAX_PRIVATE_BYTES}.`);
  if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS) {
    throw invalid(`Pictures of ${width} x ${height} are not decoded: they may have ${MAX_PIXELS} pixels.`);
  }
  if (decodeDelay > MAX_DECODE_DELAY) throw invalid(`A decoder does not hold back ${decodeDelay} pictures.`);
}

/** @param newestMicros the latest time so far, or -1. */
export function validateAccessUnit({ number, presentationMicros }: NumberedUnit, newestMicros: number): void {
  if (!Number.isSafeInteger(number) || number < 1) throw invalid(`There is no access unit ${number}.`);
  validateTimes(`Access unit ${number}`, presentationMicros);
  if (presentationMicros < newestMicros - MAX_REORDER_MICROS) {
    throw invalid(`Access unit ${number} goes back by ${Math.round((newestMicros - presentationMicros) / 1e6)} s.`);
  }
}

export function validateGap({ after, next, fromMicros, toMicros, reason, codec }: GapMessage): void {
  if (!Number.isSafeInteger(after) || !Number.isSafeInteger(next) || next <= after)
    throw invalid(`There is no gap from ${after} to ${next}.`);
  validateTimes(`The gap after ${after}`, fromMicros, toMicros);
  if (!(reason in GapReason)) throw invalid(`The gap after ${after} has an unknown reason.`);
  if (codec !== null) validateCodec(codec);
}

/** Times outside the range of dates can be neither committed nor shown; -1 is before the first access unit. */
function validateTimes(what: string, ...times: readonly number[]): void {
  const invalidTime = times.find((micros) => !Number.isSafeInteger(micros) || micros < -1);
  if (invalidTime !== undefined) throw invalid(`${what} cannot be of the time ${invalidTime} microseconds.`);
}

function isName(given: string): boolean {
  return nameField.safeParse(given).success;
}

function invalid(sentence: string): Refused {
  return new Refused('INVALID', sentence);
}
