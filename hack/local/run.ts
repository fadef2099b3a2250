/**
 * Local mode: the same agent and counter processes as in a cluster, on this machine, with a folder in place of the API
 * server. One counter, an agent for each stream; ends when all agents have ended, or in order on a signal: first the
 * counter, which settles what it counted, then the agents.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { LoadedStream } from '#crds/load.ts';
import { FolderLedger } from '../../counter-service/src/ledger/folder.ts';
import type { AgentEnd } from '../../edge-agent/src/main.ts';
import type { SiteView } from '../../edge-agent/src/site/site.ts';
import { Child } from './child.ts';
import { followCounts } from './follow.ts';
import type { CountOptions } from './options.ts';
import type { StreamReport } from './report.ts';

export interface Outcome {
  readonly reports: readonly StreamReport[];
  readonly seconds: number;
  /** 0 done, 1 failed, 2 bad input: the worst of all streams. */
  readonly exitCode: 0 | 1 | 2;
}

interface RunningStream {
  readonly loaded: LoadedStream;
  view: SiteView | undefined;
  end: AgentEnd['ended'] | undefined;
}

/** @param onChange called with all reports whenever one changed. */
export async function countLocally(
  loaded: readonly LoadedStream[],
  options: CountOptions,
  signal: AbortSignal,
  onChange: (reports: readonly StreamReport[], seconds: number) => void,
): Promise<Outcome> {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const ledgerDirectory = options.ledger ?? (await mkdtemp(join(tmpdir(), 'footfall-')));
  const streams = loaded.map((one): RunningStream => ({ loaded: one, view: undefined, end: undefined }));
  const changed = () => onChange(streams.map(reportOf), seconds());
  const counter = new Child({
    main: 'counter-service/src/main.ts',
    variable: 'FOOTFALL_COUNTER',
    verbose: options.verbose,
    config: {
      listen: '127.0.0.1:0',
      presence: { host: '127.0.0.1', port: 0 },
      local: { manifests: options.files.map((file) => resolve(file)), ledgerDirectory },
      modelsDirectory: options.models,
      inference: { provider: options.provider, workers: options.workers },
      maxStreams: Math.max(64, loaded.length),
    },
  });
  const agents: Child[] = [];
  let counterDied: string | undefined;
  const stopInOrder = async () => {
    await counter.stop();
    await Promise.all(agents.map((agent) => agent.stop()));
  };
  const onSignal = () => void stopInOrder();
  try {
    const port = await counter.announced<number>('counter');
    signal.addEventListener('abort', onSignal, { once: true });
    if (signal.aborted) return { reports: streams.map(reportOf), seconds: seconds(), exitCode: 0 };
    void counter.exited.then(async () => {
      if (signal.aborted || streams.every((stream) => stream.end !== undefined)) return;
      counterDied = counter.lastWords();
      await Promise.all(agents.map((agent) => agent.stop()));
    });
    const running = streams.map((stream) => runStream(stream, port, options, agents, changed));
    await Promise.all(running);
    await counter.stop();
    if (counterDied !== undefined) {
      for (const stream of streams) {
        if (stream.view?.finished === true) continue;
        stream.end = { reason: 'CounterFailed', sentence: `The counter has failed: ${counterDied}.`, badInput: false };
      }
    }
    if (options.events !== undefined) await writeEvents(options.events, streams, new FolderLedger(ledgerDirectory));
    return { reports: streams.map(reportOf), seconds: seconds(), exitCode: exitCodeOf(streams) };
  } finally {
    signal.removeEventListener('abort', onSignal);
    await stopInOrder();
    if (options.ledger === undefined) await rm(ledgerDirectory, { recursive: true, force: true });
  }
}

async function runStream(
  stream: RunningStream,
  counterPort: number,
  options: CountOptions,
  agents: Child[],
  changed: () => void,
): Promise<void> {
  const { metadata, spec } = stream.loaded.stream;
  if (spec.suspend) {
    stream.end = { reason: 'Suspended', sentence: 'spec.suspend is set.', badInput: false };
    return;
  }
  const { url, transport, realtime, credentialsSecretRef } = spec.source;
  const secrets = options.secrets ?? join(dirname(resolve(stream.loaded.file)), 'secrets');
  const agent = new Child({
    main: 'edge-agent/src/main.ts',
    variable: 'FOOTFALL_AGENT',
    verbose: options.verbose,
    config: {
      stream: { namespace: metadata.namespace, name: metadata.name, uid: localUid(metadata) },
      source: {
        url, transport, realtime,
        ...(credentialsSecretRef && { credentialsDirectory: join(secrets, credentialsSecretRef.name) }),
      },
      buffer: spec.buffer,
      counters: [`127.0.0.1:${counterPort}`],
      site: { host: '127.0.0.1', port: 0 },
      exitWhenUnusable: true,
    },
  });
  agents.push(agent);
  const follow = async () => {
    const port = await agent.announced<number>('site');
    await followCounts(port, (view) => {
      stream.view = view;
      changed();
    });
  };
  // An agent that ended before it had a page says why in its end.
  await Promise.all([agent.exited, follow().catch(() => undefined)]);
  stream.end = await agent
    .announced<AgentEnd['ended']>('ended')
    .catch((error: Error) => ({ reason: 'AgentFailed', sentence: `The agent has failed: ${error.message}.`, badInput: false }));
  changed();
}

function reportOf({ loaded, view, end }: RunningStream): StreamReport {
  const { namespace, name } = loaded.stream.metadata;
  const failure = end === undefined || end === 'well' ? undefined : { reason: end.reason, sentence: end.sentence };
  return { namespace, name, view, failure };
}

function exitCodeOf(streams: readonly RunningStream[]): Outcome['exitCode'] {
  const failures = streams.flatMap(({ end }) => (typeof end === 'object' && end.reason !== 'Suspended' ? [end] : []));
  if (failures.some((failure) => failure.badInput)) return 2;
  return failures.length > 0 ? 1 : 0;
}

/** Stream by stream in the order of the files: the same input gives the same bytes, however many ran at once. */
async function writeEvents(path: string, streams: readonly RunningStream[], ledger: FolderLedger): Promise<void> {
  const texts = streams.map(async ({ loaded: { stream } }) => {
    const crossings = await ledger.crossings(stream.metadata);
    const lines = crossings.split('\n').filter((line) => line !== '');
    return lines.map((line) => `${JSON.stringify({ stream: stream.metadata.name, ...(JSON.parse(line) as object) })}\n`).join('');
  });
  await writeFile(path, (await Promise.all(texts)).join(''));
}

/** Stands for the uid that the API server would give: the same stream on each run. */
function localUid({ namespace, name }: { namespace: string; name: string }): string {
  return createHash('sha256').update(`${namespace}/${name}`).digest('hex').slice(0, 32);
}
