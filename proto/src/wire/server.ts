/** Serves the counting protocol. */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createSend, readMessages, signalEnd } from './call.ts';
import { ConnectionLimiter, type ConnectionLimits, type CutReason, NO_CONNECTION_LIMITS, peerOf } from './connection-limiter.ts';
import type { ServerCertificate } from './credentials.ts';
import { failStream, GrpcServer, type ServerStream, tokenOf } from './grpc.ts';
import type { CounterCall } from './protocol.ts';

export interface CountingServer {
  readonly port: number;
  /**
   * Shows another certificate from the next connection on; those that are open stay.
   * @throws Error when the server began without one, or this one is unsound.
   */
  renew(certificate: ServerCertificate): void;
  /** Refuses new calls, waits for the open ones up to `graceMs`, then cuts them. */
  stop(graceMs: number): Promise<void>;
}

export interface ServingOptions {
  /** Without it the server speaks plaintext. */
  readonly certificate?: ServerCertificate | undefined;
  readonly limits?: ConnectionLimits;
  /** Called for each connection that was cut. */
  readonly onCut?: (reason: CutReason) => void;
}

/**
 * Serves on `address` (host:port, port 0 for any). A handler that throws ends its call with INTERNAL and touches no other call.
 * @throws Error when the certificate is unsound, or the address cannot be listened on.
 */
export async function serveCounting(
  address: string,
  handler: (call: CounterCall) => Promise<void>,
  { certificate, limits = NO_CONNECTION_LIMITS, onCut = () => undefined }: ServingOptions = {},
): Promise<CountingServer> {
  const limiter = new ConnectionLimiter(limits, onCut);
  const serve = (stream: ServerStream) => {
    const call = callOf(stream, limiter);
    if (!limiter.admitCall(call.peer)) return;
    handler(call).then(
      () => stream.end(),
      (error: unknown) => failStream(stream, error instanceof Error ? error.message : String(error)),
    );
  };
  const server = new GrpcServer(serve, certificate);
  // Sockets are accepted here, not by gRPC, which keeps every connection for as long as the caller likes.
  const listener = createServer((socket) => {
    if (limiter.admit(socket)) server.connect(socket);
  });
  await listen(listener, address);
  return {
    port: (listener.address() as AddressInfo).port,
    renew: (next) => server.renew(next),
    stop: (graceMs) => stop({ listener, server, limiter }, graceMs),
  };
}

function callOf(stream: ServerStream, limiter: ConnectionLimiter): CounterCall {
  const signal = signalEnd(stream);
  const peer = stream.getPeer();
  return {
    peer,
    caller: peerOf(peer.slice(0, peer.lastIndexOf(':'))),
    token: tokenOf(stream),
    messages: readMessages(stream),
    send: createSend(stream, signal),
    signal,
    accept: () => {
      limiter.acceptCall(peer);
      signal.addEventListener('abort', () => limiter.endCall(peer), { once: true });
    },
    bytesReceived: () => limiter.bytesReceived(peer),
  };
}

interface Serving {
  readonly listener: Server;
  readonly server: GrpcServer;
  readonly limiter: ConnectionLimiter;
}

function stop({ listener, server, limiter }: Serving, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      server.destroy();
      limiter.close();
    }, graceMs);
    // The listener is closed when all its connections are; gRPC does not wait for the last one that was handed to it.
    listener.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.drain();
    limiter.closeIdle();
  });
}

/** @param address host:port; of IPv6 [host]:port. */
function listen(listener: Server, address: string): Promise<void> {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host, port: Number(port) }, () => {
      listener.off('error', reject);
      resolve();
    });
  });
}
