/**
 * Keeps one process running, as a kubelet keeps a container of a pod: when the process ends, the supervisor starts the
 * next one at once, unless it is suspended or closed.
 */
import { Life, type LifeOptions } from './process.ts';
import type { Order } from './points.ts';

export interface SupervisorOptions extends Omit<LifeOptions, 'instructions'> {
  readonly notes: string;
  /** The file to which an agent that starts now records its access units. */
  readonly tape: () => string;
  /** @returns whether another process is to follow the one that ended with this code or signal. */
  readonly onEnd: (result: number | string) => boolean;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  /** One for each process that is still to be started. */
  readonly #orders: (Order | undefined)[] = [];
  #life: Life;
  #suspended = false;
  #closed = false;

  constructor(options: SupervisorOptions, orders: readonly (Order | undefined)[] = []) {
    this.#options = options;
    this.#orders.push(...orders);
    this.#life = this.#begin();
  }

  get life(): Life {
    return this.#life;
  }

  /** Kills the process; resolves when the next one has been started. */
  async kill(): Promise<void> {
    await this.#life.kill();
  }

  /** Kills the process and starts no other one. */
  async suspend(): Promise<void> {
    this.#suspended = true;
    await this.#life.kill();
  }

  /** Gives this order to the next process. The order of a process that has been started meanwhile comes after it. */
  async repeat(order: Order): Promise<void> {
    const { order: other, over } = this.#life;
    this.#orders.unshift(order, ...(over || other === order ? [] : [other]));
    await this.#life.kill();
  }

  /** Starts a process if none runs. */
  resume(): void {
    this.#suspended = false;
    if (this.#life.over) this.#life = this.#begin();
  }

  /** Kills the process, and starts no other one ever. */
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
      if (this.#closed || !this.#options.onEnd(result) || this.#suspended) return;
      this.#life = this.#begin();
    });
    return life;
  }
}
