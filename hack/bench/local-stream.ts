/** One agent and one counter on this machine, started as local mode does, within reach of the benchmark. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../local/child.ts';
import type { Bench } from './rows.ts';

export interface LocalStream {
  readonly agent: Child;
  /** A page of the agent's. */
  page(path: string): Promise<string>;
  stop(): Promise<void>;
}

export interface LocalStreamOptions {
  readonly url: string;
  readonly framesPerSecond: number;
  /** What the agent is told of the counter; a benchmark may put itself between. */
  readonly via?: (counterPort: number) => Promise<number>;
}

export async function startStream({ url, framesPerSecond, via }: LocalStreamOptions, { clip, folder }: Bench): Promise<LocalStream> {
  const manifest = join(folder, 'stream.yaml');
  const spec = { source: { url }, lines: clip.lines, detection: { framesPerSecond, region: 'full' } };
  // JSON is YAML.
  await writeFile(manifest, JSON.stringify({ apiVersion: 'footfall.dev/v1alpha1', kind: 'CameraStream', metadata: { name: 'bench' }, spec }));
  const counter = new Child({
    main: 'counter-service/src/main.ts',
    variable: 'FOOTFALL_COUNTER',
    verbose: false,
    config: {
      listen: '127.0.0.1:0',
      presence: { host: '127.0.0.1', port: 0 },
      local: { manifests: [manifest], ledgerDirectory: join(folder, 'ledger') },
      modelsDirectory: fileURLToPath(new URL('../../models', import.meta.url)),
      inference: { provider: 'cpu' },
    },
  });
  const children = [counter];
  const stop = async () => {
    for (const child of children.toReversed()) await child.stop();
  };
  try {
    const counterPort = await counter.announced<number>('counter');
    const agent = new Child({
      main: 'edge-agent/src/main.ts',
      variable: 'FOOTFALL_AGENT',
      verbose: false,
      config: {
        stream: { namespace: 'default', name: 'bench', uid: 'bench' },
        source: { url },
        buffer: { seconds: 120, megabytes: 64 },
        counters: [`127.0.0.1:${(await via?.(counterPort)) ?? counterPort}`],
        site: { host: '127.0.0.1', port: 0 },
        exitWhenUnusable: true,
      },
    });
    children.push(agent);
    const port = await agent.announced<number>('site');
    return { agent, stop, page: async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).text() };
  } catch (error) {
    await stop();
    throw error;
  }
}
