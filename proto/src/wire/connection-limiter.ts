/**
 * The door of a server: which connections are let in, and how long one stays that has not shown what it is for.
 *
 *   opened ──a call on it is accepted──▶ in use ──its last accepted call is over──▶ opened anew
 *      └── not in time, or after too many bytes ──▶ cut
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

/** For a server behind which nobody counts connections: tests. Counters say their own. */
export const NO_CONNECTION_LIMITS: ConnectionLimits = { connections: 1024, connectionsPerPeer: 1024, acceptedWithinSeconds: 60 };

/** Why a connection was cut. */
export type CutReason = 'connections' | 'connectionsPerPeer' | 'silence' | 'bytes' | 'calls';

/** A handshake and a Hello take a few kilobytes. */
const MAX_BYTES_UNACCEPTED = 512 * 1024;
const LOOK_MS = 100;
/** An agent makes one call on a connection. */
const MAX_CALLS_OF_CONNECTION = 64;

interface Connection {
  readonly socket: Socket;
  /** All that were ever made on it. */
  made: number;
  /** Calls on it that were accepted and are not over. */
  calls: number;
  /** Since when there is none, in milliseconds, and how much had come by then. */
  idleSince: number;
  idleBytes: number;
}

export class ConnectionLimiter {
  readonly #limits: ConnectionLimits;
  readonly #onCut: (reason: CutReason) => void;
  /** By address and port of the other side. */
  readonly #connections = new Map<string, Connection>();
  readonly #perPeer = new Map<string, number>();
  #looking: NodeJS.Timeout | undefined;

  constructor(limits: ConnectionLimits, onCut: (reason: CutReason) => void) {
    this.#limits = limits;
    this.#onCut = onCut;
  }

  /** Whether it may stay; else it is cut already. */
  enter(socket: Socket): boolean {
    const { remoteAddress, remotePort } = socket;
    socket.on('error', () => undefined);
    if (remoteAddress === undefined) return false;
    const peer = peerOf(remoteAddress);
    const ofPeer = this.#perPeer.get(peer) ?? 0;
    if (this.#connections.size >= this.#limits.connections) return this.#cut(socket, 'connections');
    if (ofPeer >= this.#limits.connectionsPerPeer) return this.#cut(socket, 'connectionsPerPeer');
    const id = `${remoteAddress}:${remotePort}`;
    this.#perPeer.set(peer, ofPeer + 1);
    this.#connections.set(id, { socket, made: 0, calls: 0, idleSince: performance.now(), idleBytes: 0 });
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
    socket.once('close', () => this.#gone(id, peer));
    return true;
  }

  /** Whether a call is listened to. @param id address and port of the other side. */
  called(id: string): boolean {
    const connection = this.#connections.get(id);
    if (connection === undefined) return false;
    connection.made += 1;
    return connection.made <= MAX_CALLS_OF_CONNECTION || this.#cut(connection.socket, 'calls');
  }

  accepted(id: string): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) connection.calls += 1;
  }

  /** Bytes that have come on a connection, of messages that are not there as a whole, too. */
  arrived(id: string): number {
    return this.#connections.get(id)?.socket.bytesRead ?? 0;
  }

  over(id: string): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    connection.calls -= 1;
    connection.idleSince = performance.now();
    connection.idleBytes = connection.socket.bytesRead;
  }

  /** Cuts what has no accepted call. */
  closeIdle(): void {
    for (const { socket, calls } of this.#connections.values()) if (calls === 0) socket.destroy();
  }

  /** Cuts whatever is still there. */
  close(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #look(): void {
    const latest = performance.now() - this.#limits.acceptedWithinSeconds * 1000;
    for (const { socket, calls, idleSince, idleBytes } of this.#connections.values()) {
      if (calls > 0) continue;
      if (idleSince < latest) this.#cut(socket, 'silence');
      else if (socket.bytesRead - idleBytes > MAX_BYTES_UNACCEPTED) this.#cut(socket, 'bytes');
    }
  }

  #cut(socket: Socket, reason: CutReason): false {
    if (!socket.destroyed) this.#onCut(reason);
    socket.destroy();
    return false;
  }

  #gone(id: string, peer: string): void {
    this.#connections.delete(id);
    const rest = (this.#perPeer.get(peer) ?? 1) - 1;
    if (rest === 0) this.#perPeer.delete(peer);
    else this.#perPeer.set(peer, rest);
    if (this.#connections.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}

/** Who is behind an IP address, as far as it tells: whoever has one of IPv6 has its whole network of 64 bits. */
export function peerOf(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice('::ffff:'.length);
  if (!isIPv6(address)) return address;
  const [front = '', back] = address.split('::');
  const groups = front === '' ? [] : front.split(':');
  const behind = back === undefined || back === '' ? 0 : back.split(':').length;
  while (groups.length < 8 - behind && groups.length < 4) groups.push('0');
  return `${groups.slice(0, 4).join(':')}::/64`;
}
