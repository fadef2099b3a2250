/** A counter on this machine, started as local mode does, for the streams of a benchmark or of hostile traffic. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../../local/child.ts';

export interface CounterOptions {
  /** Where its ledger will be. */
  readonly folder: string;
  readonly streams: readonly { readonly name: string; readonly spec: object }[];
  /** More of its configuration. */
  readonly config?: object;
}

export interface StartedCounter {
  readonly counter: Child;
  readonly ledger: string;
}

export async function startCounter({ folder, streams, config = {} }: CounterOptions): Promise<StartedCounter> {
  const ledger = join(folder, 'ledger');
  const manifest = join(folder, 'streams.yaml');
  const documents = streams.map(({ name, spec }) => ({
    apiVersion: 'footfall.dev/v1alpha1',
    kind: 'CameraStream',
    metadata: { name },
    spec,
  }));
  // JSON is YAML.
  await writeFile(manifest, documents.map((document) => JSON.stringify(document)).join('\n---\n'));
  const counter = new Child({
    program: 'counter',
    config: {
      listen: '127.0.0.1:0',
      http: { host: '127.0.0.1', port: 0 },
      local: { manifests: [manifest], ledgerDirectory: ledger },
      modelsDirectory: fileURLToPath(new URL('../../models', import.meta.url)),
      inference: { provider: 'cpu' },
      ...config,
    },
  });
  return { counter, ledger };
}
