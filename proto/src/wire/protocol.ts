/**
 * The counting protocol's words: its messages, and an open call as either side sees it. `server.ts` serves calls,
 * `client.ts` opens them.
 *
 * Reading is pull: a message leaves the transport when the loop asks for the next one, so a slow reader closes
 * HTTP/2's window and with it the sender. Writing waits while the transport is full. Either side ends by its signal.
 */
import type { AgentMessage, AgentMessage__Output } from '../../generated/footfall/v1/AgentMessage.ts';
import type { CounterMessage, CounterMessage__Output } from '../../generated/footfall/v1/CounterMessage.ts';

export type { AgentMessage, CounterMessage };
export type { Codec__Output as CodecMessage } from '../../generated/footfall/v1/Codec.ts';
export type { Counts__Output as CountsMessage } from '../../generated/footfall/v1/Counts.ts';
export type { Gap__Output as GapMessage } from '../../generated/footfall/v1/Gap.ts';
export type { Hello__Output as Hello } from '../../generated/footfall/v1/Hello.ts';
export type { StreamName__Output as StreamName } from '../../generated/footfall/v1/StreamName.ts';
export { GapReason } from '../../generated/footfall/v1/GapReason.ts';
export { RefusalReason } from '../../generated/footfall/v1/RefusalReason.ts';

/** A oneof message as a discriminated union: `{kind: 'hello', value: Hello} | ...`. */
export type Variants<M extends { message?: string }> = {
  [K in NonNullable<M['message']> & keyof M]: { readonly kind: K; readonly value: NonNullable<M[K]> };
}[NonNullable<M['message']> & keyof M];
export type FromAgent = Variants<AgentMessage__Output>;
export type FromCounter = Variants<CounterMessage__Output>;

/** One side of an open call. */
export interface Call<In, Out> {
  /** The other side's address, for logs. */
  readonly peer: string;
  /**
   * Ends when the other side half-closed; a client's throws when the call broke, a server's ends then, too. To be iterated once.
   * A server's throws Malformed.
   */
  readonly messages: AsyncIterable<In>;
  /** Resolves when the transport takes more; rejects when the call has broken. */
  send(message: Out): Promise<void>;
  /** Aborted when the call is over, for whatever reason. */
  readonly signal: AbortSignal;
}

export type CounterCall = Call<FromAgent, CounterMessage> & {
  /** What the caller identifies itself by, not reviewed yet. */
  readonly token: string | undefined;
  /** The caller's network, see `peerOf`. */
  readonly caller: string;
  /** Keeps the connection open as long as this call lasts: it has shown what it is for. To be called once. */
  accept(): void;
  /** Bytes that have come on its connection, those of an unfinished message among them: they show that the agent lives. */
  bytesReceived(): number;
};

export type AgentCall = Call<FromCounter, AgentMessage> & {
  /** Half-closes: the agent has said everything. */
  finish(): void;
  cancel(): void;
};
