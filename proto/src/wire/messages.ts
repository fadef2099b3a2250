/**
 * Bounds an agent's messages: each kind has a largest size, judged before the bytes are decoded and again by what they turn
 * out to be. Oversized bytes, and bytes that are no protobuf, become a sentence for the sender, not a fault of the connection.
 */
import type { AgentMessage__Output } from '../../generated/footfall/v1/AgentMessage.ts';
import { MAX_FRAME_BYTES } from '../media/nut/nut.ts';

export type AgentMessageKind = NonNullable<AgentMessage__Output['message']>;

/** An agent's message that is none. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** Takes the place of a message that is none until the call's reader comes to it. */
export interface MalformedMessage {
  readonly message: 'malformed';
  readonly sentence: string;
}

/** Room for the largest access unit that is taken from a camera at all, and for what goes around it. */
export const MAX_MESSAGE_BYTES = MAX_FRAME_BYTES + 64 * 1024;

const KIBIBYTE = 1024;
/** A codec's private data has 64 KiB at most, a checkpoint a megabyte, a token 8 KiB; see the counter's validation. */
export const MAX_BYTES: Readonly<Record<AgentMessageKind, number>> = {
  hello: 4 * KIBIBYTE,
  resume: 1152 * KIBIBYTE,
  accessUnit: MAX_MESSAGE_BYTES,
  gap: 80 * KIBIBYTE,
  checkpointStored: KIBIBYTE,
  endOfStream: KIBIBYTE,
  heartbeat: KIBIBYTE,
  camera: 8 * KIBIBYTE,
  identity: 9 * KIBIBYTE,
};
/** Of a kind that only a newer agent knows. */
const MAX_UNKNOWN_BYTES = 64 * KIBIBYTE;

/** AgentMessage, as a protobuf library describes and decodes it. */
export interface AgentMessageType {
  /** Its DescriptorProto. */
  readonly type: object;
  readonly deserialize: (bytes: Buffer) => AgentMessage__Output;
}

/** Rejects oversized messages before decoding them, and malformed ones instead of it. */
export function boundedDeserializer({ type, deserialize }: AgentMessageType): (bytes: Buffer) => AgentMessage__Output | MalformedMessage {
  const { field: fields } = type as { readonly field: readonly { readonly name: AgentMessageKind; readonly number: number }[] };
  const kinds = new Map(fields.map(({ name, number }) => [number, name]));
  return (bytes) => {
    const tooLarge = excess(kinds.get(firstField(bytes)), bytes.length);
    if (tooLarge !== undefined) return tooLarge;
    try {
      const message = deserialize(bytes);
      return excess(message.message, bytes.length) ?? message;
    } catch {
      return { message: 'malformed', sentence: 'The agent sent bytes that are no message of the protocol.' };
    }
  };
}

/** The number of the field that the message begins with: a varint, without its lowest three bits, which are the wire type. */
function firstField(bytes: Buffer): number {
  let tag = 0;
  for (const [index, byte] of bytes.subarray(0, 5).entries()) {
    tag += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) break;
  }
  return Math.floor(tag / 8);
}

function excess(kind: AgentMessageKind | undefined, bytes: number): MalformedMessage | undefined {
  const most = kind === undefined ? MAX_UNKNOWN_BYTES : MAX_BYTES[kind];
  if (bytes <= most) return undefined;
  return { message: 'malformed', sentence: `The agent sent ${kind ?? 'a message'} of ${bytes} bytes, and it may have ${most}.` };
}
