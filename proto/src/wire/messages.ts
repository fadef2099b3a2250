/**
 * What an agent's message may be before anybody looks at what it says: of a kind that is known to be no larger than that
 * kind can be with reason, and protobuf at all. What is not is a sentence for its sender, not a fault of the connection.
 */
import { MAX_FRAME_BYTES } from '../media/nut/nut.ts';

/** An agent's message that is none. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** Stands for a message that is none until whoever reads the call comes to it. */
export interface MalformedMessage {
  readonly message: 'malformed';
  readonly sentence: string;
}

/** Room for the largest access unit that is taken from a camera at all, and for what goes around it. */
export const MAX_MESSAGE_BYTES = MAX_FRAME_BYTES + 64 * 1024;

const KIBIBYTE = 1024;
/** In the order of their numbers in AgentMessage, from 1. Checkpoints have a megabyte at most, private data of a codec some hundred bytes. */
const LARGEST: readonly (readonly [kind: string, bytes: number])[] = [
  ['hello', 4 * KIBIBYTE],
  ['resume', 1152 * KIBIBYTE],
  ['accessUnit', MAX_MESSAGE_BYTES],
  ['gap', 80 * KIBIBYTE],
  ['checkpointStored', KIBIBYTE],
  ['endOfStream', KIBIBYTE],
  ['heartbeat', KIBIBYTE],
  ['camera', 8 * KIBIBYTE],
];
/** Of a kind that a newer agent knows. */
const LARGEST_UNKNOWN = 64 * KIBIBYTE;
const ofKind = new Map(LARGEST);

/** The same, but for a message that is none. A message is judged by its first field before it is taken apart, and by what it is after that. */
export function boundedDeserializer<M extends { message?: string }>(
  deserialize: (bytes: Buffer) => M,
): (bytes: Buffer) => M | MalformedMessage {
  return (bytes) => {
    const firstKind = LARGEST[((bytes[0] ?? 0) >> 3) - 1]?.[0];
    const tooLarge = excess(firstKind, bytes.length);
    if (tooLarge !== undefined) return tooLarge;
    try {
      const message = deserialize(bytes);
      return excess(message.message, bytes.length) ?? message;
    } catch {
      return { message: 'malformed', sentence: 'The agent sent bytes that are no message of the protocol.' };
    }
  };
}

function excess(kind: string | undefined, bytes: number): MalformedMessage | undefined {
  const most = (kind === undefined ? undefined : ofKind.get(kind)) ?? LARGEST_UNKNOWN;
  if (bytes <= most) return undefined;
  return { message: 'malformed', sentence: `The agent sent ${kind ?? 'a message'} of ${bytes} bytes, and it may have ${most}.` };
}
