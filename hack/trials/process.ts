/** One life of a product process under trial: its own code, with `inside/` loaded before it. */
import { fileURLToPath } from 'node:url';
import { Child, type ChildOptions } from '../../local/child.ts';
import type { Instructions, Order } from './points.ts';

export interface LifeOptions {
  readonly kind: 'counter' | 'agent';
  readonly config: object;
  readonly log: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Left out, it is the product as it is. */
  readonly instructions?: Instructions;
  readonly onMessage: NonNullable<ChildOptions['onMessage']>;
}

export class Life {
  readonly bornAt = Date.now();
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  readonly order: Order | undefined;
  over = false;
  readonly #child: Child;

  constructor({ kind, config, log, environment, instructions, onMessage }: LifeOptions) {
    this.order = instructions?.order;
    const told = instructions && { FOOTFALL_TRIAL: JSON.stringify(instructions) };
    this.#child = new Child({
      program: kind,
      config,
      environment: { ...environment, ...told },
      imports: told === undefined ? [] : ['hooks', kind].map((name) => fileURLToPath(new URL(`inside/${name}.ts`, import.meta.url))),
      log,
      onMessage,
    });
    this.ended = this.#child.exited.then((result) => {
      this.over = true;
      return result;
    });
  }

  get pid(): number {
    return this.#child.process.pid!;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.process.kill(name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}
