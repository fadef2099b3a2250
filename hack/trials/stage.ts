/**
 * The product under trial: one or two counters, an agent and the network between them, real processes on loopback. A
 * supervisor restarts each process that ends, as a kubelet would; the fault of the trial disturbs them.
 */
import { join } from 'node:path';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { rankCounters } from '../../edge-agent/src/uplink/ranking.ts';
import { freePort } from '../machine/free-port.ts';
import type { TrialLedger } from './ledgers.ts';
import { Link } from '../machine/link.ts';
import { type Noted, notesOf, readNotes } from './notes.ts';
import type { Order } from './points.ts';
import { Supervisor } from './supervisor.ts';
import type { Life } from './process.ts';

/** Access units that the camera has sent and the counter may not have counted yet. */
const IN_FLIGHT_UNITS = 15;

export interface StageOptions {
  readonly folder: string;
  /** A directory. */
  readonly models: string;
  readonly ledger: TrialLedger;
  readonly source: string;
  readonly counters: 1 | 2;
  readonly bufferSeconds: number;
  /** How far the agent may be behind its camera; absent: as far as the ring reaches. */
  readonly maxLagSeconds: number | undefined;
  /** How many events a counter keeps for a receiver; absent: the product's default. */
  readonly mostWaiting?: number | undefined;
  /** The agent's ring, which outlives its process. */
  readonly ring: string;
  readonly orders: { readonly counter: readonly (Order | undefined)[]; readonly agent: readonly (Order | undefined)[] };
  /** Ends every wait. */
  readonly signal: AbortSignal;
}

interface Welcomed {
  readonly term: number;
  /** An address. */
  readonly counter: string;
}

export interface SupervisedCounter {
  readonly supervisor: Supervisor;
  readonly link: Link;
}

export interface Kill {
  readonly of: 'counter' | 'agent';
  /** Unix time in milliseconds. */
  readonly at: number;
}

export class Stage {
  /** In the agent's rank order. */
  readonly counters: readonly SupervisedCounter[];
  agent: Supervisor;
  /** Problems beside the counts: a process that failed by itself, or a fault that had no effect. */
  readonly unexpected: string[] = [];
  readonly kills: Kill[] = [];
  /** How many access units have been counted, without replays. */
  progress = 0;
  /** Sessions of agents whose ring is gone. */
  lostSessions = 0;
  readonly #options: StageOptions;
  readonly #changed = new ConditionVariable();
  #welcomed: Welcomed = { term: 0, counter: '' };
  #position = 0;
  #highest = 0;
  /** The last access unit that the agent has numbered. */
  #numbered = 0;
  /** Agents that have been replaced and still run. */
  readonly #replaced: Supervisor[] = [];

  private constructor(options: StageOptions, links: readonly { readonly port: number; readonly link: Link }[]) {
    this.#options = options;
    const ranked = rankCounters(
      options.ledger.stream.uid,
      links.map(({ link }) => link.address),
    );
    const inRank = ranked.map((address) => links.find(({ link }) => link.address === address)!);
    this.counters = inRank.map(({ port, link }, index) => ({ link, supervisor: this.#superviseCounter(port, index) }));
    this.agent = this.#superviseAgent();
  }

  static async open(options: StageOptions): Promise<Stage> {
    const links: { port: number; link: Link }[] = [];
    for (let index = 0; index < options.counters; index += 1) {
      const port = await freePort();
      links.push({ port, link: await Link.to(port) });
    }
    return new Stage(options, links);
  }

  get folder(): string {
    return this.#options.folder;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  get ring(): string {
    return this.#options.ring;
  }

  get term(): number {
    return this.#welcomed.term;
  }

  tape(session: number): string {
    return join(this.#options.folder, `tape-${session}`);
  }

  notes(of: 'counter' | 'agent'): Noted[] {
    return this.#notesPaths(of).flatMap(readNotes);
  }

  /** Whether a counter has refused the agent, or one that was replaced. */
  wasRefused(reason: string): boolean {
    return notesOf(this.notes('agent'), 'refused').some(({ refused }) => refused === reason);
  }

  /** The counter that took the stream last. */
  servingCounter(): SupervisedCounter {
    return this.counters.find(({ link }) => link.address === this.#welcomed.counter) ?? this.counters[0]!;
  }

  /** Resolves when the condition holds. It is evaluated when a message reaches the agent, and when a process ends. */
  async until(holds: () => boolean, signal = this.signal): Promise<void> {
    while (!holds()) await this.#changed.wait(signal);
  }

  async untilCounted(units: number): Promise<void> {
    await this.until(() => this.progress >= units);
  }

  async untilEnded(life: Life): Promise<void> {
    await this.until(() => life.over);
  }

  /** Resolves when so little is uncounted that an agent told to end sees it committed. */
  async untilCaughtUp(signal = this.signal): Promise<void> {
    await this.until(() => this.#position >= this.#numbered - IN_FLIGHT_UNITS, signal);
  }

  /** Kills a process and notes the time, for `recoveriesOf`. */
  async kill(of: 'counter' | 'agent', supervisor: Supervisor): Promise<void> {
    if (supervisor.life.over) this.unexpected.push(`there was no ${of} to kill`);
    this.kills.push({ of, at: Date.now() });
    await supervisor.kill();
  }

  /** The agent's next process begins another session. */
  loseSession(): void {
    this.lostSessions += 1;
    this.#highest = 0;
    this.#position = 0;
    this.#numbered = 0;
  }

  /** Starts another agent with a ring of its own beside the present one, as when a node is lost. @returns the present one. */
  replaceAgent(): Supervisor {
    const { agent } = this;
    this.#replaced.push(agent);
    this.loseSession();
    this.agent = this.#superviseAgent();
    return agent;
  }

  async close(): Promise<void> {
    const supervisors = [this.agent, ...this.#replaced, ...this.counters.map(({ supervisor }) => supervisor)];
    await Promise.all(supervisors.map((supervisor) => supervisor.close()));
    await Promise.all(this.counters.map(({ link }) => link.close()));
  }

  #superviseCounter(port: number, index: number): Supervisor {
    const { folder, models, ledger, orders, mostWaiting } = this.#options;
    const name = `counter-${index + 1}`;
    const config = {
      ...ledger.counterConfig(name),
      listen: `127.0.0.1:${port}`,
      http: { host: '127.0.0.1', port: 0 },
      modelsDirectory: models,
      inference: { workers: 1 },
      ...(mostWaiting !== undefined && { mostWaitingEvents: mostWaiting }),
    };
    return new Supervisor(
      {
        kind: 'counter',
        config,
        log: join(folder, `${name}.log`),
        environment: ledger.environment,
        notes: this.#notesPaths('counter')[0]!,
        tape: () => '',
        onMessage: () => undefined,
        onEnd: (result) => {
          this.#noteEnd(name, result);
          return true;
        },
      },
      index === 0 ? orders.counter : [],
    );
  }

  #superviseAgent(): Supervisor {
    const { folder, ledger, source, ring, bufferSeconds, maxLagSeconds, orders } = this.#options;
    const config = {
      ...ledger.agentConfig,
      stream: ledger.stream,
      source: { url: source },
      buffer: { seconds: bufferSeconds, megabytes: 16, ...(maxLagSeconds !== undefined && { overload: 'live', maxLagSeconds }) },
      ring: { directory: this.#replaced.length === 0 ? ring : `${ring}-${this.#replaced.length}` },
      counters: this.counters.map(({ link }) => link.address),
      site: { host: '127.0.0.1', port: 0 },
    };
    const supervisor: Supervisor = new Supervisor(
      {
        kind: 'agent',
        config,
        log: join(folder, 'agent.log'),
        environment: {},
        notes: this.#notesPaths('agent').at(-1)!,
        tape: () => this.tape(this.lostSessions),
        onMessage: (message) => {
          if (supervisor === this.agent) this.#update(message);
        },
        onEnd: (result) => {
          this.#noteEnd('agent', result);
          // An agent that ends with code 0 has finished.
          return result !== 0;
        },
      },
      orders.agent,
    );
    return supervisor;
  }

  /** Takes a message of `inside/`. */
  #update({
    welcomed = this.#welcomed,
    numbered = this.#numbered,
    counted,
  }: {
    welcomed?: Welcomed;
    numbered?: number;
    counted?: number;
  }): void {
    this.#welcomed = welcomed;
    this.#numbered = numbered;
    if (counted !== undefined) {
      this.#position = counted;
      this.progress += Math.max(0, counted - this.#highest);
      this.#highest = Math.max(this.#highest, counted);
    }
    this.#changed.notify();
  }

  #noteEnd(name: string, result: number | string): void {
    if (typeof result === 'number' && result !== 0) this.unexpected.push(`${name} ended with code ${result}`);
    // The supervisor starts the next process before a waiter evaluates its condition.
    queueMicrotask(() => this.#changed.notify());
  }

  /** The present agent's file is the last one. */
  #notesPaths(of: 'counter' | 'agent'): string[] {
    const more = of === 'agent' ? this.#replaced : [];
    return ['', ...more.map((_, index) => `-${index + 1}`)].map((suffix) => join(this.#options.folder, `${of}${suffix}.notes`));
  }
}
