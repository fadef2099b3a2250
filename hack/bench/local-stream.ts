/** One agent and one counter on this machine, started as local mode does, within reach of the benchmark. */
import type { SiteView } from '../../edge-agent/src/site/view.ts';
import { Child } from '../../local/child.ts';
import { followCounts } from '../../local/follow.ts';
import { startCounter } from '../machine/counter.ts';
import type { Clip } from './clip.ts';
import type { Bench } from './rows.ts';

export interface LocalStream {
  readonly agent: Child;
  readonly counter: Child;
  readonly ledger: string;
  /** A page of the agent's. */
  page(path: string): Promise<string>;
  /** One of its metrics, all labels together. */
  metric(name: string): Promise<number>;
  /** The agent first, so that all it has read is settled. */
  stop(): Promise<void>;
}

export interface LocalStreamOptions {
  readonly url: string;
  readonly framesPerSecond: number;
  /** The port that the agent dials: a benchmark may put a link before the counter's. */
  readonly via?: (counterPort: number) => Promise<number>;
  readonly buffer?: { readonly seconds: number; readonly megabytes: number };
  readonly onView?: (view: SiteView) => void;
}

export type Place = Pick<Bench, 'folder'> & { readonly clip: Pick<Clip, 'lines'> };

export async function startStream(options: LocalStreamOptions, { clip, folder }: Place): Promise<LocalStream> {
  const { url, framesPerSecond, via, buffer = { seconds: 120, megabytes: 64 }, onView } = options;
  const spec = { source: { url }, lines: clip.lines, detection: { framesPerSecond, region: 'full' } };
  const { counter, ledger } = await startCounter({ folder, streams: [{ name: 'bench', spec }] });
  const children = [counter];
  const stop = async () => {
    for (const child of children.toReversed()) await child.stop();
  };
  try {
    const counterPort = await counter.announced<number>('counter');
    const agent = new Child({
      program: 'agent',
      config: {
        stream: { namespace: 'default', name: 'bench', uid: 'bench' },
        source: { url },
        buffer,
        counters: [`127.0.0.1:${(await via?.(counterPort)) ?? counterPort}`],
        site: { host: '127.0.0.1', port: 0 },
        exitWhenUnusable: true,
      },
    });
    children.push(agent);
    const port = await agent.announced<number>('site');
    if (onView !== undefined) void followCounts(port, onView);
    const page = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    const metric = async (name: string) => {
      const values = (await page('/metrics')).matchAll(new RegExp(`^footfall_${name}(?:{[^}]*})? (\\S+)`, 'gm'));
      return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
    };
    return { agent, counter, ledger, stop, page, metric };
  } catch (error) {
    await stop();
    throw error;
  }
}
