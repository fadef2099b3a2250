/**
 * The counting protocol as async iterables: the only file that knows gRPC.
 *
 * Reading is pull: a message leaves the transport when the loop asks for the next one, so a slow reader closes
 * HTTP/2's window and with it the sender. Writing waits while the transport is full. Either side ends by its signal.
 */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from '../../generated/counting.ts';
import type { AgentMessage, AgentMessage__Output } from '../../generated/footfall/v1/AgentMessage.ts';
import type { Codec__Output as CodecMessage } from '../../generated/footfall/v1/Codec.ts';
import type { CounterMessage, CounterMessage__Output } from '../../generated/footfall/v1/CounterMessage.ts';
import { type CutReason, ConnectionLimiter, type ConnectionLimits, peerOf, NO_CONNECTION_LIMITS } from './connection-limiter.ts';
import type { Codec } from '../media/nut/nut.ts';
import { boundedDeserializer, Malformed, type MalformedMessage, MAX_MESSAGE_BYTES } from './messages.ts';

export type { AgentMessage, CounterMessage };
export type { CodecMessage };
export type { Counts__Output as CountsMessage } from '../../generated/footfall/v1/Counts.ts';
export type { Gap__Output as GapMessage } from '../../generated/footfall/v1/Gap.ts';
export type { Hello__Output as Hello } from '../../generated/footfall/v1/Hello.ts';
export type { StreamName__Output as StreamName } from '../../generated/footfall/v1/StreamName.ts';
export { GapReason } from '../../generated/footfall/v1/GapReason.ts';
export { Malformed, MAX_MESSAGE_BYTES } from './messages.ts';
export { RefusalReason } from '../../generated/footfall/v1/RefusalReason.ts';

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

/** A oneof message as a discriminated union: `{kind: 'hello', value: Hello} | ...`. */
type Variants<M extends { message?: string }> = {
  [K in NonNullable<M['message']> & keyof M]: { readonly kind: K; readonly value: NonNullable<M[K]> };
}[NonNullable<M['message']> & keyof M];
export type FromAgent = Variants<AgentMessage__Output>;
export type FromCounter = Variants<CounterMessage__Output>;

/** One side of an open call. */
export interface Call<In, Out> {
  /** The other side, for logs. */
  readonly peer: string;
  /** Ends when the other side half-closed; a client's throws when the call broke, a server's ends then, too. To be iterated once. */
  readonly messages: AsyncIterable<In>;
  /** Resolves when the transport takes more; rejects when the call has broken. */
  send(message: Out): Promise<void>;
  /** Aborted when the call is over, for whatever reason. */
  readonly signal: AbortSignal;
}

export type CounterCall = Call<FromAgent, CounterMessage> & {
  /** By which the caller wants to be known; nobody has looked at it yet. */
  readonly token: string | undefined;
  /** Who calls, as far as addresses tell; see `peerOf`. */
  readonly caller: string;
  /** The connection has shown what it is for: it may stay while this call lasts. To be said once. */
  accepted(): void;
  /** Bytes that have come on its connection, of a message that is still on its way, too: they tell that somebody is there. */
  arrived(): number;
};
export type AgentCall = Call<FromCounter, AgentMessage> & {
  /** Half-closes: the agent has said everything. */
  finish(): void;
  cancel(): void;
};

/** What a counter shows to be known by: a chain and its key, PEM. */
export interface ServerCertificate {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** How a counter is known to be one, and the agent to it. */
export interface Secrecy {
  /** PEM: whoever these have certified under the name is a counter. */
  readonly authorities: Buffer;
  /** In the certificate, whatever address is dialed. */
  readonly serverName: string;
  readonly token: string;
}

/** All that this speaks to is this. */
const OLDEST_TLS = { minVersion: 'TLSv1.3' } as const satisfies SecureContextOptions;

const channelOptions: grpc.ChannelOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  // The agent has its own backoff between counters: gRPC's must not add to it.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

/** A connection for each call: calls that share one wait for each other's bytes. */
const callerOptions: grpc.ChannelOptions = { ...channelOptions, 'grpc.use_local_subchannel_pool': 1 };

const definition = loadSync('footfall/v1/counting.proto', {
  includeDirs: [fileURLToPath(new URL('../..', import.meta.url))],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});
/** Agents open one. */
const MAX_STREAMS_OF_CONNECTION = 8;

const { Counting } = (grpc.loadPackageDefinition(definition) as unknown as ProtoGrpcType).footfall.v1;
export const agentMessageType = Counting.service.Count.requestType;

export interface CountingServer {
  readonly port: number;
  /** Shows another certificate from the next connection on; those that are open stay. @throws Error when the server began without one, or this one is unsound. */
  renew(certificate: ServerCertificate): void;
  /** Refuses new calls, waits for the open ones up to `graceMs`, then cuts them. */
  stop(graceMs: number): Promise<void>;
}

export interface ServingOptions {
  /** In plaintext without it. */
  readonly certificate?: ServerCertificate | undefined;
  readonly limits?: ConnectionLimits;
  /** Told of each connection that was cut. */
  readonly onCut?: (reason: CutReason) => void;
}

/**
 * What grpc-js's own credentials do not give: a certificate that changes, and a lower bound of the version (which its
 * certificate providers lose with the first change). @throws Error when the certificate is unsound.
 */
class ChangingCertificate extends grpc.ServerCredentials {
  constructor(certificate: ServerCertificate) {
    super(OLDEST_TLS, contextOf(certificate));
  }

  renew(certificate: ServerCertificate): void {
    this.updateSecureContextOptions(contextOf(certificate));
  }

  override _equals(other: grpc.ServerCredentials): boolean {
    return other === this;
  }
}

function contextOf({ certificate, key }: ServerCertificate): SecureContextOptions {
  const context = { cert: certificate, key, ...OLDEST_TLS };
  // gRPC would take an unsound one without a word, and serve nobody from then on.
  createSecureContext(context);
  return context;
}

/**
 * Serves the counting protocol on `address` (host:port, port 0 for any).
 * A handler that throws ends its call with INTERNAL and touches no other call.
 */
export async function serveCounting(
  address: string,
  handler: (call: CounterCall) => Promise<void>,
  { certificate, limits = NO_CONNECTION_LIMITS, onCut = () => undefined }: ServingOptions = {},
): Promise<CountingServer> {
  const door = new ConnectionLimiter(limits, onCut);
  const changing = certificate && new ChangingCertificate(certificate);
  const server = new grpc.Server({ ...channelOptions, 'grpc.max_concurrent_streams': MAX_STREAMS_OF_CONNECTION });
  const { Count } = Counting.service;
  server.addService(
    { Count: { ...Count, requestDeserialize: boundedDeserializer(agentMessageType) } },
    {
      Count: (stream: grpc.ServerDuplexStream<AgentMessage__Output, CounterMessage>) => {
        const signal = over(stream);
        const peer = stream.getPeer();
        if (!door.called(peer)) return;
        const accepted = () => {
          door.accepted(peer);
          signal.addEventListener('abort', () => door.over(peer), { once: true });
        };
        const caller = peerOf(peer.slice(0, peer.lastIndexOf(':')));
        const token = bearerToken(stream.metadata);
        const arrived = () => door.arrived(peer);
        handler({ peer, caller, token, messages: variants(stream), send: writer(stream, signal), signal, accepted, arrived }).then(
          () => stream.end(),
          // The way of grpc-js to end a stream with a status.
          (error: unknown) => stream.emit('error', { code: grpc.status.INTERNAL, details: messageOf(error) }),
        );
      },
    },
  );
  // The sockets are accepted here, not by gRPC, which keeps whatever connects, for as long as it likes.
  const connections = server.createConnectionInjector(changing ?? grpc.ServerCredentials.createInsecure());
  const listener = createServer((socket) => {
    if (door.enter(socket)) connections.injectConnection(socket);
  });
  await listening(listener, address);
  return {
    port: (listener.address() as AddressInfo).port,
    renew: (next) => {
      if (changing === undefined) throw new Error('The server has served in plaintext so far.');
      changing.renew(next);
    },
    stop: (graceMs) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => {
          server.forceShutdown();
          door.close();
        }, graceMs);
        // Of the connections handed to it, gRPC does not wait for the last.
        listener.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.tryShutdown(() => undefined);
        door.closeIdle();
      }),
  };
}

/** @param address host:port; of IPv6 [host]:port. */
function listening(listener: Server, address: string): Promise<void> {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host, port: Number(port) }, () => {
      listener.off('error', reject);
      resolve();
    });
  });
}

/**
 * Opens a call to the counter at `address`, in plaintext when there is nothing to know it by. It fails by its `messages`
 * when nobody answers there. @throws Error when the authorities or the token are none.
 */
export function dialCounting(address: string, signal: AbortSignal, secrecy?: Secrecy): AgentCall {
  // gRPC's own complaint would repeat it.
  if (secrecy !== undefined && !IN_A_HEADER.test(secrecy.token)) throw new Error("The agent's token is not one that can be sent.");
  const client = secrecy ? secretClient(address, secrecy) : new Counting(address, grpc.credentials.createInsecure(), callerOptions);
  const metadata = new grpc.Metadata();
  if (secrecy !== undefined) metadata.set('authorization', `Bearer ${secrecy.token}`);
  const stream = client.Count(metadata);
  const cancel = () => stream.cancel();
  const finished = over(stream);
  finished.addEventListener('abort', () => {
    signal.removeEventListener('abort', cancel);
    client.close();
  });
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  return {
    peer: address,
    messages: variants(stream),
    send: writer(stream, finished),
    finish: () => stream.end(),
    cancel,
    signal: finished,
  };
}

const IN_A_HEADER = /^[\x21-\x7e]*$/;
/** RFC 6750. */
const TOKEN = /^[\w.~+/-]+=*$/;

function secretClient(address: string, { authorities, serverName }: Secrecy) {
  const credentials = grpc.credentials.createFromSecureContext(createSecureContext({ ca: authorities, ...OLDEST_TLS }));
  return new Counting(address, credentials, {
    ...callerOptions,
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
  });
}

function bearerToken(metadata: grpc.Metadata): string | undefined {
  const [header] = metadata.get('authorization');
  const token = typeof header === 'string' ? /^Bearer (.*)$/i.exec(header)?.[1] : undefined;
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}

interface Readable<In> {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<In>;
}

interface Duplex<In, Out> extends Readable<In> {
  write(message: Out): boolean;
  once(event: 'drain' | 'close' | 'error' | 'cancelled' | 'status', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

function over(stream: Duplex<never, never> | Duplex<unknown, unknown>): AbortSignal {
  const controller = new AbortController();
  const end = () => controller.abort();
  // An error is reported to whoever reads `messages`; without a listener it would end the process.
  stream.on('error', end);
  stream.once('close', end);
  stream.once('cancelled', end);
  // Of a call that its server ends in good order a client hears nothing else: what it still writes is never taken.
  stream.once('status', end);
  return controller.signal;
}

function writer<Out>(stream: Duplex<unknown, Out>, finished: AbortSignal): (message: Out) => Promise<void> {
  return async (message) => {
    if (finished.aborted) throw new Error('The call is over.');
    if (stream.write(message)) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        stream.off('drain', settle);
        finished.removeEventListener('abort', settle);
        if (finished.aborted) reject(new Error('The call is over.'));
        else resolve();
      };
      stream.once('drain', settle);
      finished.addEventListener('abort', settle, { once: true });
    });
  };
}

/** @throws Malformed */
async function* variants<M extends { message?: string }>(stream: Readable<M>): AsyncGenerator<Variants<M>> {
  // Whoever stops reading may still have something to say.
  for await (const message of stream.iterator({ destroyOnReturn: false })) {
    // A kind that a newer peer knows and this one does not is passed over, as protobuf means it.
    if (message.message === undefined) continue;
    if (message.message === 'malformed') throw new Malformed((message as unknown as MalformedMessage).sentence);
    yield { kind: message.message, value: message[message.message as keyof M] } as Variants<M>;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
