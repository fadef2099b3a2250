/**
 * Limits a server's connections: how many there are, and how long one stays without a call that was accepted.
 *
 *   idle ──a call on it is accepted──▶ in use ──its last accepted call is over──▶ idle
 *     └── for too long, or after too many bytes ──▶ cut
 *
 * It knows sockets only, so it judges before anything of TLS, HTTP/2 or the protocol is understood: a connection that
 * never speaks any of them is cut like one that speaks too much.
 */
import { isIPv6, type Socket } from 'node:net';

export interface ConnectionLimits {
  readonly connections: number;
  /** Of one peer, see `peerOf`. */
  readonly connectionsPerPeer: number;
  /** How long a connection may be without a call that was accepted. */
  readonly acceptedWithinSeconds: number;
}

/** For tests; a counter's own are in its configuration. */
export const NO_CONNECTION_LIMITS: ConnectionLimits = { connections: 1024, connectionsPerPeer: 1024, acceptedWithinSeconds: 60 };

/** Why a connection was cut. */
export type CutReason = 'connections' | 'connectionsPerPeer' | 'silence' | 'bytes' | 'calls';

/** Without an accepted call: a handshake and a Hello take a few kilobytes. */
const MAX_IDLE_BYTES = 512 * 1024;
const CHECK_MS = 100;
/** An agent makes one call on a connection. */
const MAX_CALLS_OF_CONNECTION = 64;

interface Connection {
  readonly socket: Socket;
  /** All calls that were ever made on it. */
  callsMade: number;
  /** Calls on it that were accepted and are not over. */
  calls: number;
  /** When the last of those ended, in milliseconds, and the bytes that had come by then. */
  idleSince: number;
  idleBytes: number;
}

export class ConnectionLimiter {
  readonly #limits: ConnectionLimits;
  readonly #onCut: (reason: CutReason) => void;
  /** By address and port of the other side. */
  readonly #connections = new Map<string, Connection>();
  readonly #perPeer = new Map<string, number>();
  #checking: NodeJS.Timeout | undefined;

  constructor(limits: ConnectionLimits, onCut: (reason: CutReason) => void) {
    this.#limits = limits;
    this.#onCut = onCut;
  }

  /** @returns whether it may stay; else it is cut already. */
  admit(socket: Socket): boolean {
    const { remoteAddress, remotePort } = socket;
    socket.on('error', () => undefined);
    if (remoteAddress === undefined) return false;
    const peer = peerOf(remoteAddress);
    const ofPeer = this.#perPeer.get(peer) ?? 0;
    if (this.#connections.size >= this.#limits.connections) return this.#cut(socket, 'connections');
    if (ofPeer >= this.#limits.connectionsPerPeer) return this.#cut(socket, 'connectionsPerPeer');
    const id = `${remoteAddress}:${remotePort}`;
    this.#perPeer.set(peer, ofPeer + 1);
    this.#connections.set(id, { socket, callsMade: 0, calls: 0, idleSince: performance.now(), idleBytes: 0 });
    this.#checking ??= setInterval(() => this.#checkIdle(), CHECK_MS);
    socket.once('close', () => this.#remove(id, peer));
    return true;
  }

  /** @returns whether the call may be served; else its connection is cut. @param id address and port of the other side. */
  admitCall(id: string): boolean {
    const connection = this.#connections.get(id);
    if (connection === undefined) return false;
    connection.callsMade += 1;
    return connection.callsMade <= MAX_CALLS_OF_CONNECTION || this.#cut(connection.socket, 'calls');
  }

  /** Keeps the connection until `endCall`. */
  acceptCall(id: string): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) connection.calls += 1;
  }

  /** Bytes that have come on a connection, those of unfinished messages among them. */
  bytesReceived(id: string): number {
    return this.#connections.get(id)?.socket.bytesRead ?? 0;
  }

  /** An accepted call is over. */
  endCall(id: string): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    connection.calls -= 1;
    connection.idleSince = performance.now();
    connection.idleBytes = connection.socket.bytesRead;
  }

  /** Cuts the connections without an accepted call. */
  closeIdle(): void {
    for (const { socket, calls } of this.#connections.values()) if (calls === 0) socket.destroy();
  }

  /** Cuts all connections. */
  close(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #checkIdle(): void {
    const latest = performance.now() - this.#limits.acceptedWithinSeconds * 1000;
    for (const { socket, calls, idleSince, idleBytes } of this.#connections.values()) {
      if (calls > 0) continue;
      if (idleSince < latest) this.#cut(socket, 'silence');
      else if (socket.bytesRead - idleBytes > MAX_IDLE_BYTES) this.#cut(socket, 'bytes');
    }
  }

  #cut(socket: Socket, reason: CutReason): false {
    if (!socket.destroyed) this.#onCut(reason);
    socket.destroy();
    return false;
  }

  #remove(id: string, peer: string): void {
    this.#connections.delete(id);
    const rest = (this.#perPeer.get(peer) ?? 1) - 1;
    if (rest === 0) this.#perPeer.delete(peer);
    else this.#perPeer.set(peer, rest);
    if (this.#connections.size > 0) return;
    clearInterval(this.#checking);
    this.#checking = undefined;
  }
}

/** Who is behind an IP address, as far as it shows: of IPv6 the network of 64 bits, which one owner has as a whole. */
export function peerOf(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice('::ffff:'.length);
  if (!isIPv6(address)) return address;
  const [front = '', back] = address.split('::');
  const groups = front === '' ? [] : front.split(':');
  const behind = back === undefined || back === '' ? 0 : back.split(':').length;
  while (groups.length < 8 - behind && groups.length < 4) groups.push('0');
  return `${groups.slice(0, 4).join(':')}::/64`;
}
