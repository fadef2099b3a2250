/**
 * The product under trial: one or two counters, an agent, and the network between them, all of them real processes on
 * loopback. Who dies is replaced as a kubelet would; what is done to them is for the fault of the trial.
 */
import { join } from 'node:path';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { rankCounters } from '../../edge-agent/src/uplink/ranking.ts';
import { freePort } from '../machine/free-port.ts';
import type { TrialLedger } from './ledgers.ts';
import { Link } from '../machine/link.ts';
import { type Noted, notesOf, readNotes } from './notes.ts';
import type { Order } from './points.ts';
import { Post } from './supervisor.ts';
import type { Life } from './process.ts';

const ON_ITS_WAY = 15;

export interface StageOptions {
  readonly folder: string;
  /** A directory of them. */
  readonly models: string;
  readonly ledger: TrialLedger;
  readonly source: string;
  readonly counters: 1 | 2;
  readonly bufferSeconds: number;
  /** How far the agent may be behind its camera; without it as far as the ring reaches. */
  readonly maxLagSeconds: number | undefined;
  /** Events that a counter keeps for a receiver; without it as many as the product does. */
  readonly mostWaiting?: number | undefined;
  /** What outlives the agent's process. */
  readonly ring: string;
  readonly orders: { readonly counter: readonly (Order | undefined)[]; readonly agent: readonly (Order | undefined)[] };
  /** Ends every wait. */
  readonly signal: AbortSignal;
}

interface Welcomed {
  readonly term: number;
  /** Its address. */
  readonly counter: string;
}

export interface CounterPost {
  readonly post: Post;
  readonly link: Link;
}

export interface Kill {
  readonly of: 'counter' | 'agent';
  /** Unix time in milliseconds. */
  readonly at: number;
}

export class Stage {
  /** In the order in which the agent prefers them. */
  readonly counters: readonly CounterPost[];
  agent: Post;
  /** What no trial does: a process that ended by itself, and not well; or what one should have done, and did not. */
  readonly surprises: string[] = [];
  readonly kills: Kill[] = [];
  /** Access units that were counted for the first time. */
  progress = 0;
  /** Sessions whose memory is gone. */
  lostMemories = 0;
  readonly #options: StageOptions;
  readonly #changed = new ConditionVariable();
  #welcomed: Welcomed = { term: 0, counter: '' };
  #position = 0;
  #highest = 0;
  /** The last access unit of the camera. */
  #numbered = 0;
  /** Agents that were replaced, and are there all the same. */
  readonly #replaced: Post[] = [];

  private constructor(options: StageOptions, links: readonly { readonly port: number; readonly link: Link }[]) {
    this.#options = options;
    const ranked = rankCounters(
      options.ledger.stream.uid,
      links.map(({ link }) => link.address),
    );
    const inRank = ranked.map((address) => links.find(({ link }) => link.address === address)!);
    this.counters = inRank.map(({ port, link }, index) => ({ link, post: this.#counterPost(port, index) }));
    this.agent = this.#agentPost();
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

  /** Whether a counter has refused the agent, or one that it replaced. */
  refused(reason: string): boolean {
    return notesOf(this.notes('agent'), 'refused').some(({ refused }) => refused === reason);
  }

  /** Who took the stream last. */
  serving(): CounterPost {
    return this.counters.find(({ link }) => link.address === this.#welcomed.counter) ?? this.counters[0]!;
  }

  /** Resolves when it holds; looked at whenever the agent hears something or a process ended. */
  async until(holds: () => boolean, signal = this.signal): Promise<void> {
    while (!holds()) await this.#changed.wait(signal);
  }

  async counted(units: number): Promise<void> {
    await this.until(() => this.progress >= units);
  }

  async ended(life: Life): Promise<void> {
    await this.until(() => life.over);
  }

  /** What the camera has shown is counted, but for what is on its way: so little that an agent that leaves can see it settled. */
  async caughtUp(signal = this.signal): Promise<void> {
    await this.until(() => this.#position >= this.#numbered - ON_ITS_WAY, signal);
  }

  async kill(of: 'counter' | 'agent', post: Post): Promise<void> {
    if (post.life.over) this.surprises.push(`there was no ${of} to be killed`);
    this.kills.push({ of, at: Date.now() });
    await post.kill();
  }

  /** Of the agent: the next process begins another session. */
  sessionLost(): void {
    this.lostMemories += 1;
    this.#highest = 0;
    this.#position = 0;
    this.#numbered = 0;
  }

  /** As when a node is not heard of: another agent, with a memory of its own, beside the one that is returned. */
  replaceAgent(): Post {
    const { agent } = this;
    this.#replaced.push(agent);
    this.sessionLost();
    this.agent = this.#agentPost();
    return agent;
  }

  async close(): Promise<void> {
    await Promise.all([this.agent, ...this.#replaced, ...this.counters.map(({ post }) => post)].map((post) => post.close()));
    await Promise.all(this.counters.map(({ link }) => link.close()));
  }

  #counterPost(port: number, index: number): Post {
    const { folder, models, ledger, orders, mostWaiting } = this.#options;
    const name = `counter-${index + 1}`;
    const config = {
      ...ledger.configOf(name),
      listen: `127.0.0.1:${port}`,
      http: { host: '127.0.0.1', port: 0 },
      modelsDirectory: models,
      inference: { workers: 1 },
      ...(mostWaiting !== undefined && { mostWaitingEvents: mostWaiting }),
    };
    return new Post(
      {
        kind: 'counter',
        config,
        log: join(folder, `${name}.log`),
        environment: ledger.environment,
        notes: this.#notesPaths('counter')[0]!,
        tape: () => '',
        onMessage: () => undefined,
        onEnd: (result) => this.#ended(name, result),
      },
      index === 0 ? orders.counter : [],
    );
  }

  #agentPost(): Post {
    const { folder, ledger, source, ring, bufferSeconds, maxLagSeconds, orders } = this.#options;
    const config = {
      ...ledger.ofAgent,
      stream: ledger.stream,
      source: { url: source },
      buffer: { seconds: bufferSeconds, megabytes: 16, ...(maxLagSeconds !== undefined && { overload: 'live', maxLagSeconds }) },
      ring: { directory: this.#replaced.length === 0 ? ring : `${ring}-${this.#replaced.length}` },
      counters: this.counters.map(({ link }) => link.address),
      site: { host: '127.0.0.1', port: 0 },
    };
    const post: Post = new Post(
      {
        kind: 'agent',
        config,
        log: join(folder, 'agent.log'),
        environment: {},
        notes: this.#notesPaths('agent').at(-1)!,
        tape: () => this.tape(this.lostMemories),
        onMessage: (message) => {
          if (post === this.agent) this.#hear(message);
        },
        // One that has ended well has nothing left to do.
        onEnd: (result) => this.#ended('agent', result) && result !== 0,
      },
      orders.agent,
    );
    return post;
  }

  /** From `inside/`. */
  #hear({
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

  #ended(name: string, result: number | string): boolean {
    if (typeof result === 'number' && result !== 0) this.surprises.push(`${name} ended with code ${result}`);
    // Its successor is there by the time that anybody looks.
    queueMicrotask(() => this.#changed.notify());
    return true;
  }

  /** Those of the agent now at last. */
  #notesPaths(of: 'counter' | 'agent'): string[] {
    const more = of === 'agent' ? this.#replaced : [];
    return ['', ...more.map((_, index) => `-${index + 1}`)].map((suffix) => join(this.#options.folder, `${of}${suffix}.notes`));
  }
}
