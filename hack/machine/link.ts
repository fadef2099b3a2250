/** The network between an agent and a counter, a camera or an API server: passes bytes on, and does what networks do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LinkOptions {
  /** Overhears both directions. @param from who dials, or who is dialed. */
  readonly onBytes?: (bytes: Buffer, from: 'caller' | 'callee') => void;
  /** Changes what the callee sends; it may keep a part back. */
  readonly alter?: (bytes: Buffer) => Buffer;
  /** How fast the caller's bytes go; as fast as they can, when left out. */
  readonly bytesPerSecond?: number;
}

/** On a link that has a speed, bytes go in pieces of this size. */
const PIECE_BYTES = 1000;

export class Link {
  readonly #server: Server;
  readonly #options: LinkOptions;
  readonly #sockets = new Set<Socket>();
  #delayMs = 0;
  #swallowing = false;
  #refusing = false;
  #hindered = 0;

  private constructor(port: number, options: LinkOptions) {
    this.#options = options;
    this.#server = createServer((near) => this.#join(near, connect(port, '127.0.0.1')));
  }

  /** @param port the counter's, or the camera's, on this machine. */
  static async to(port: number, options: LinkOptions = {}): Promise<Link> {
    const link = new Link(port, options);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Connections that were reset or refused, and pieces that came late. */
  get hindered(): number {
    return this.#hindered;
  }

  /** Every connection that is open is reset. */
  cut(): void {
    this.#hindered += this.#sockets.size;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** And every new one, until it heals. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** Nothing comes through any more, of open connections and of new ones, until it heals: then all that was sent does. */
  swallow(): void {
    this.#swallowing = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Everything comes that much later. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  heal(): void {
    this.#refusing = false;
    this.#swallowing = false;
    this.#delayMs = 0;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.refuse();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, far: Socket): void {
    if (this.#refusing) {
      this.#hindered += 1;
      near.resetAndDestroy();
      far.destroy();
      return;
    }
    const { onBytes, alter = (bytes) => bytes, bytesPerSecond } = this.#options;
    const heard = (from: 'caller' | 'callee') => (bytes: Buffer) => {
      onBytes?.(bytes, from);
      return from === 'callee' ? alter(bytes) : bytes;
    };
    this.#carry(near, far, heard('caller'), bytesPerSecond);
    this.#carry(far, near, heard('callee'));
  }

  #carry(from: Socket, to: Socket, change: (bytes: Buffer) => Buffer, bytesPerSecond?: number): void {
    this.#sockets.add(from);
    if (this.#swallowing) from.pause();
    const resume = () => this.#swallowing || from.resume();
    const pass = (bytes: Buffer) => {
      // What the far side does not take holds the near one back.
      if (to.destroyed || to.write(bytes)) return;
      from.pause();
      to.once('drain', resume);
    };
    // In their order, however the delay changes.
    let last: Promise<unknown> = Promise.resolve();
    const later = (act: () => unknown) => {
      const delay = this.#delayMs;
      if (delay > 0) this.#hindered += 1;
      last = (delay === 0 ? last : Promise.all([last, sleep(delay)])).then(act);
    };
    from.on('data', (bytes) => {
      const changed = change(bytes);
      if (bytesPerSecond === undefined) {
        later(() => pass(changed));
        return;
      }
      from.pause();
      for (let at = 0; at < changed.length; at += PIECE_BYTES) {
        later(() => pass(changed.subarray(at, at + PIECE_BYTES)));
        last = last.then(() => sleep((1000 * PIECE_BYTES) / bytesPerSecond));
      }
      later(resume);
    });
    from.once('end', () => later(() => to.end()));
    from.on('error', () => undefined);
    from.once('close', () => {
      this.#sockets.delete(from);
      if (from.errored || !from.readableEnded) to.destroy();
    });
  }
}
