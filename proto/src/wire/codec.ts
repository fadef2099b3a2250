/** A codec and bytes, as our own types and as gRPC has them. */
import type { Codec__Output as CodecMessage } from '../../generated/footfall/v1/Codec.ts';
import type { Codec } from '../media/nut/nut.ts';

/** @see Codec: the fourcc travels as bytes. */
export function codecToMessage(codec: Codec) {
  return { ...codec, fourcc: Buffer.from(codec.fourcc, 'latin1'), privateData: asBuffer(codec.privateData) };
}

export function codecFromMessage(message: CodecMessage): Codec {
  return { ...message, fourcc: message.fourcc.toString('latin1') };
}

/** The same memory under the type that gRPC wants. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
