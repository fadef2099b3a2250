/** gRPC, as far as the protocol's two sides need it: the only file that knows the library. */
import type { Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { definition } from '../../definition.ts';
import type { ProtoGrpcType } from '../../generated/counting.ts';
import type { AgentMessage__Output } from '../../generated/footfall/v1/AgentMessage.ts';
import type { CounterMessage } from '../../generated/footfall/v1/CounterMessage.ts';
import {
  agentContext,
  type AgentCredentials,
  authorizationOf,
  bearerToken,
  OLDEST_TLS,
  type ServerCertificate,
  serverContext,
} from './credentials.ts';
import { boundedDeserializer, MAX_MESSAGE_BYTES } from './messages.ts';

const packages = loadSync(definition.file, {
  includeDirs: [definition.directory],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});
const { Counting } = (grpc.loadPackageDefinition(packages) as unknown as ProtoGrpcType).footfall.v1;
const { Count } = Counting.service;
export const agentMessageType = Count.requestType;

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
const clientOptions: grpc.ChannelOptions = { ...channelOptions, 'grpc.use_local_subchannel_pool': 1 };
/** Agents open one. */
const MAX_STREAMS_OF_CONNECTION = 8;

export type ServerStream = grpc.ServerDuplexStream<AgentMessage__Output, CounterMessage>;

/** A server without a listener: its sockets are handed to it. */
export class GrpcServer {
  readonly #server = new grpc.Server({ ...channelOptions, 'grpc.max_concurrent_streams': MAX_STREAMS_OF_CONNECTION });
  readonly #certificate: RenewableCertificate | undefined;
  readonly #connections: grpc.ConnectionInjector;

  /** @param certificate without it the server speaks plaintext. @throws Error when it is unsound. */
  constructor(serve: (stream: ServerStream) => void, certificate: ServerCertificate | undefined) {
    this.#server.addService({ Count: { ...Count, requestDeserialize: boundedDeserializer(agentMessageType) } }, { Count: serve });
    this.#certificate = certificate && new RenewableCertificate(certificate);
    this.#connections = this.#server.createConnectionInjector(this.#certificate ?? grpc.ServerCredentials.createInsecure());
  }

  connect(socket: Socket): void {
    this.#connections.injectConnection(socket);
  }

  /** @throws Error when the certificate is unsound, or the server speaks plaintext. */
  renew(certificate: ServerCertificate): void {
    if (this.#certificate === undefined) throw new Error('The server has served in plaintext so far.');
    this.#certificate.renew(certificate);
  }

  /** Refuses new calls; the open ones go on. */
  drain(): void {
    this.#server.tryShutdown(() => undefined);
  }

  /** Cuts the open calls. */
  destroy(): void {
    this.#server.forceShutdown();
  }
}

/**
 * What grpc-js's own credentials do not give: a certificate that changes, and a lower bound of the version (which its
 * certificate providers lose with the first change).
 */
class RenewableCertificate extends grpc.ServerCredentials {
  constructor(certificate: ServerCertificate) {
    super(OLDEST_TLS, serverContext(certificate));
  }

  renew(certificate: ServerCertificate): void {
    this.updateSecureContextOptions(serverContext(certificate));
  }

  override _equals(other: grpc.ServerCredentials): boolean {
    return other === this;
  }
}

/** What the caller of this stream identifies itself by. */
export function tokenOf({ metadata }: ServerStream): string | undefined {
  return bearerToken(metadata.get('authorization')[0]);
}

/** Ends the stream with a status, in grpc-js's way. */
export function failStream(stream: ServerStream, sentence: string): void {
  stream.emit('error', { code: grpc.status.INTERNAL, details: sentence });
}

/**
 * Opens a stream to `address` (host:port), in plaintext without credentials. `close` gives its connection back.
 * @throws Error when the credentials are unsound.
 */
export function openStream(address: string, credentials: AgentCredentials | undefined) {
  const metadata = new grpc.Metadata();
  if (credentials !== undefined) metadata.set('authorization', authorizationOf(credentials));
  const client = credentials === undefined ? plaintextClient(address) : tlsClient(address, credentials);
  return { stream: client.Count(metadata), close: () => client.close() };
}

function plaintextClient(address: string) {
  return new Counting(address, grpc.credentials.createInsecure(), clientOptions);
}

function tlsClient(address: string, credentials: AgentCredentials) {
  return new Counting(address, grpc.credentials.createFromSecureContext(agentContext(credentials)), {
    ...clientOptions,
    'grpc.ssl_target_name_override': credentials.serverName,
    'grpc.default_authority': credentials.serverName,
  });
}
