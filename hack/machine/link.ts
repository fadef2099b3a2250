/** The network between an agent and one counter, or a camera: passes bytes on, and does what networks do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Link {
  readonly #server: Server;
  readonly #onBytes: (bytes: Buffer) => void;
  readonly #alter: (bytes: Buffer) => Buffer;
  readonly #sockets = new Set<Socket>();
  #delayMs = 0;
  #swallowing = false;
  #refusing = false;
  #hindered = 0;

  private constructor(port: number, onBytes: (bytes: Buffer) => void, alter: (bytes: Buffer) => Buffer) {
    this.#onBytes = onBytes;
    this.#alter = alter;
    this.#server = createServer((near) => this.#join(near, connect(port, '127.0.0.1')));
  }

  /**
   * @param port the counter's, or the camera's.
   * @param onBytes overhears both directions.
   * @param alter what comes from there; it may keep a part back.
   */
  static async to(port: number, onBytes: (bytes: Buffer) => void = () => undefined, alter = (bytes: Buffer) => bytes): Promise<Link> {
    const link = new Link(port, onBytes, alter);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
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
    this.#carry(near, far, (bytes) => bytes);
    this.#carry(far, near, this.#alter);
  }

  #carry(from: Socket, to: Socket, alter: (bytes: Buffer) => Buffer): void {
    this.#sockets.add(from);
    if (this.#swallowing) from.pause();
    // In their order, however the delay changes.
    let last = Promise.resolve();
    const later = (act: () => void) => {
      const delay = this.#delayMs;
      if (delay === 0) {
        last = last.then(act);
        return;
      }
      this.#hindered += 1;
      last = Promise.all([last, new Promise((resolve) => setTimeout(resolve, delay))]).then(act);
    };
    from.on('data', (bytes) => {
      this.#onBytes(bytes);
      const altered = alter(bytes);
      later(() => {
        // What the far side does not take holds the near one back.
        if (to.destroyed || to.write(altered)) return;
        from.pause();
        to.once('drain', () => this.#swallowing || from.resume());
      });
    });
    from.once('end', () => later(() => to.end()));
    from.on('error', () => undefined);
    from.once('close', () => {
      this.#sockets.delete(from);
      if (from.errored || !from.readableEnded) to.destroy();
    });
  }
}
