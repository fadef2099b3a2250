/**
 * Runs one process after another, as a pod does its containers: a process that ends is replaced at once, unless the post is
 * held empty or closed.
 */
import { Life, type LifeOptions } from './process.ts';
import type { Order } from './points.ts';

export interface PostOptions extends Omit<LifeOptions, 'instructions'> {
  readonly notes: string;
  /** Where the next agent tapes its camera. */
  readonly tape: () => string;
  /** Called with exit code or signal. @returns whether another process is to follow. */
  readonly onEnd: (result: number | string) => boolean;
}

export class Post {
  readonly #options: PostOptions;
  /** For the next processes, one each. */
  readonly #orders: (Order | undefined)[] = [];
  #life: Life;
  #held = false;
  #closed = false;

  constructor(options: PostOptions, orders: readonly (Order | undefined)[] = []) {
    this.#options = options;
    this.#orders.push(...orders);
    this.#life = this.#begin();
  }

  get life(): Life {
    return this.#life;
  }

  /** Kills its process; the next one has begun when it resolves. */
  async kill(): Promise<void> {
    await this.#life.kill();
  }

  /** Kills its process and leaves the post empty. */
  async hold(): Promise<void> {
    this.#held = true;
    await this.#life.kill();
  }

  /** The next process gets this order again; the order of one that has begun meanwhile comes after it. */
  async repeat(order: Order): Promise<void> {
    const { order: other, over } = this.#life;
    this.#orders.unshift(order, ...(over || other === order ? [] : [other]));
    await this.#life.kill();
  }

  refill(): void {
    this.#held = false;
    if (this.#life.over) this.#life = this.#begin();
  }

  /** For good. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#life.signal('SIGCONT');
    await this.#life.kill();
  }

  #begin(): Life {
    const order = this.#orders.shift();
    const { notes, tape } = this.#options;
    const life = new Life({ ...this.#options, instructions: { notes, tape: tape(), order } });
    void life.ended.then((result) => {
      if (this.#closed || !this.#options.onEnd(result) || this.#held) return;
      this.#life = this.#begin();
    });
    return life;
  }
}
