/** One life of a product process under trial: its own code, with `inside/` loaded before it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inheritedEnvironment } from '../../local/child.ts';
import type { Instructions, Order } from './points.ts';

const KINDS = {
  counter: { main: 'counter-service/src/main.ts', variable: 'FOOTFALL_COUNTER' },
  agent: { main: 'edge-agent/src/main.ts', variable: 'FOOTFALL_AGENT' },
} as const;

/** One that is stopped would not even notice that nobody is there any more. */
const living = new Set<ChildProcess>();
process.once('exit', () => living.forEach((child) => child.kill('SIGKILL')));

export interface LifeOptions {
  readonly kind: keyof typeof KINDS;
  readonly config: object;
  readonly log: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Left out, it is the product as it is. */
  readonly instructions?: Instructions;
  readonly onMessage: (message: object) => void;
}

export class Life {
  readonly child: ChildProcess;
  readonly bornAt = Date.now();
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  readonly order: Order | undefined;
  over = false;

  constructor({ kind, config, log, environment, instructions, onMessage }: LifeOptions) {
    this.order = instructions?.order;
    const { main, variable } = KINDS[kind];
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const inside =
      instructions === undefined
        ? []
        : ['hooks', kind].flatMap((name) => ['--import', fileURLToPath(new URL(`inside/${name}.ts`, import.meta.url))]);
    const output = openSync(log, 'a');
    this.child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...inside, `${root}${main}`], {
      env: {
        ...inheritedEnvironment(),
        ...environment,
        [variable]: JSON.stringify(config),
        ...(instructions && { FOOTFALL_TRIAL: JSON.stringify(instructions) }),
      },
      stdio: ['ignore', output, output, 'ipc'],
    });
    closeSync(output);
    this.child.on('message', onMessage);
    living.add(this.child);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        living.delete(this.child);
        this.over = true;
        resolve(code ?? signal ?? 1);
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}
