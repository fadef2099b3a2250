/**
 * Local mode: the same agent and counter processes as in a cluster, on this machine, with a folder in place of the API
 * server. One counter, an agent for each stream; ends when all agents have ended, or in order on a signal: first the
 * counter, which settles what it counted, then the agents. A process that dies is started again and goes on where the
 * dead one was: the counter on its port, an agent with its session.
 */
import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import type { LoadedStream } from '#crds/load.ts';
import { isLive, kindOf } from '#crds/source-kinds.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import { FolderLedger } from '../counter-service/src/ledger/folder.ts';
import type { AgentEnd } from '../edge-agent/src/main.ts';
import type { SiteView } from '../edge-agent/src/site/view.ts';
import { Child } from './child.ts';
import { beginEvents, missingEvents, orderEvents } from './events.ts';
import { followCounts } from './follow.ts';
import { SessionStorage } from './session-storage.ts';
import type { CountOptions } from './options.ts';
import { clock, type StreamReport } from './report.ts';
import { Supervised } from './supervisor.ts';

export interface Outcome {
  readonly reports: readonly StreamReport[];
  readonly seconds: number;
  /** 0 done, 1 failed, 2 bad input: the worst of all streams. */
  readonly exitCode: 0 | 1 | 2;
}

/** Where a run shows how it goes. */
export interface Audience {
  /** All reports, whenever one changed. */
  show(reports: readonly StreamReport[], seconds: number): void;
  /** A process has died and is started again, a stream has failed, or its camera is to be looked at. */
  say(sentence: string): void;
}

interface RunningStream {
  readonly loaded: LoadedStream;
  view: SiteView | undefined;
  end: AgentEnd['ended'] | undefined;
}

export interface RunOptions extends CountOptions {
  /** For agents and counter. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What the processes of one run have in common. */
interface Run {
  readonly options: RunOptions;
  readonly storage: SessionStorage;
  readonly audience: Audience;
  readonly agents: Supervised[];
  readonly changed: () => void;
}

export async function countLocally(
  loaded: readonly LoadedStream[],
  options: RunOptions,
  signal: AbortSignal,
  audience: Audience,
): Promise<Outcome> {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const streams = loaded.map((one): RunningStream => ({ loaded: one, view: undefined, end: undefined }));
  if (options.events !== undefined) {
    await beginEvents(options.events, loaded.map(nameOf), options.ledger === undefined ? undefined : new FolderLedger(options.ledger));
  }
  const storage = await SessionStorage.begin(loaded, options.ledger);
  const ledgerDirectory = options.ledger ?? storage.ledger;
  const run: Run = { options, storage, audience, agents: [], changed: () => audience.show(streams.map(reportOf), seconds()) };
  const counter = superviseCounter(run, ledgerDirectory, loaded.length);
  const stopAgents = () => Promise.all(run.agents.map((agent) => agent.stop()));
  const stopInOrder = async () => {
    await counter.stop();
    await stopAgents();
  };
  const onSignal = () => void stopInOrder();
  let counterDied: string | undefined;
  try {
    const port = await counter.first.announced<number>('counter');
    signal.addEventListener('abort', onSignal, { once: true });
    void counter.over.then(async (last) => {
      if (signal.aborted || streams.every((stream) => stream.end !== undefined)) return;
      counterDied = last.lastWords();
      await stopAgents();
    });
    if (!signal.aborted) await Promise.all(streams.map((stream) => runStream(stream, port, run)));
    await counter.stop();
    if (counterDied !== undefined) {
      const end = { reason: 'CounterFailed', sentence: `The counter has failed: ${counterDied}.`, badInput: false };
      for (const stream of streams) if (stream.view?.finished !== true) endStream(stream, end, run);
    }
    if (options.events !== undefined) {
      const fault = (await counter.over).told('receiverFault') as string | undefined;
      await finishEvents(options.events, new FolderLedger(ledgerDirectory), fault, streams, run);
    }
    if (signal.aborted) for (const stream of streams) interrupt(stream, run);
    for (const stream of streams) doubtNobody(stream, run);
    return { reports: streams.map(reportOf), seconds: seconds(), exitCode: exitCodeOf(streams) };
  } finally {
    signal.removeEventListener('abort', onSignal);
    await stopInOrder();
    await storage.end();
  }
}

function superviseCounter({ options, audience }: Run, ledgerDirectory: string, streams: number): Supervised {
  let port = 0;
  const start = () => {
    const counter = new Child({
      program: 'counter',
      environment: options.environment ?? {},
      verbose: options.verbose,
      config: {
        listen: `127.0.0.1:${port}`,
        http: { host: '127.0.0.1', port: 0 },
        local: { manifests: options.files.map((file) => resolve(file)), ledgerDirectory },
        modelsDirectory: options.models,
        inference: { provider: options.provider, workers: options.workers },
        receivers: options.events === undefined ? [] : [{ kind: 'file', path: resolve(options.events) }],
        maxStreams: Math.max(64, streams),
      },
    });
    // Agents know the counter by its port: the next one gets the same.
    counter.announced<number>('counter').then(
      (bound) => (port = bound),
      () => undefined,
    );
    return counter;
  };
  return new Supervised({
    start,
    // A counter that failed before it had a port would fail again.
    isDone: () => port === 0,
    onDeath: (lastWords) => audience.say(`The counter has died (${lastWords}) and is started again.`),
  });
}

async function runStream(stream: RunningStream, counterPort: number, run: Run): Promise<void> {
  const { metadata, spec } = stream.loaded.stream;
  if (spec.suspend) return endStream(stream, { reason: 'Suspended', sentence: 'spec.suspend is set.', badInput: false }, run);
  if (run.storage.wasCounted(stream.loaded)) {
    const hint = 'another --ledger begins from nothing';
    run.audience.say(`${metadata.name}: this file was counted to its end already, and is not counted again; ${hint}.`);
  }
  const directory = run.storage.session(stream.loaded);
  const follows: Promise<void>[] = [];
  const agent = new Supervised({
    start: () => {
      const child = startAgent(stream.loaded, counterPort, directory, run.options);
      // An agent that ended before it served its page announces why.
      follows.push(follow(child, stream, run).catch(() => undefined));
      return child;
    },
    isDone: (child) => child.said('ended'),
    onDeath: (lastWords) => {
      const how = directory === undefined ? 'as a new session, for there is not enough memory in /dev/shm' : 'and goes on';
      run.audience.say(`${metadata.name}: the agent has died (${lastWords}); it is started again, ${how}.`);
    },
  });
  run.agents.push(agent);
  const last = await agent.over;
  await Promise.all(follows);
  const end = await last
    .announced<AgentEnd['ended']>('ended')
    .catch((error: Error) => ({ reason: 'AgentFailed', sentence: `The agent has failed: ${error.message}.`, badInput: false }));
  if (stream.view?.finished === true) run.storage.isCounted(stream.loaded);
  endStream(stream, end, run);
}

function endStream(stream: RunningStream, end: AgentEnd['ended'], { audience, changed }: Run): void {
  stream.end = end;
  if (end !== 'well') audience.say(`${stream.loaded.stream.metadata.name}: ${end.sentence}`);
  changed();
}

/** A camera has no end: it is counted until somebody stops that. Of a file, something is missing then. */
function interrupt(stream: RunningStream, run: Run): void {
  const { loaded, view, end } = stream;
  if (isLive(loaded.stream.spec.source.url) || view?.finished === true || (end !== undefined && end !== 'well')) return;
  const rest = run.options.ledger === undefined ? 'the rest is not counted' : 'the same command goes on from there';
  const sentence = `The run was stopped at ${clock(view?.seconds ?? 0)} of the video: ${rest}.`;
  endStream(stream, { reason: 'Interrupted', sentence, badInput: false }, run);
}

/** At so few pictures nobody can be counted, whoever walked by: these zeros are no counts. */
function doubtNobody(stream: RunningStream, run: Run): void {
  const { view, end } = stream;
  if (view === undefined || typeof end === 'object' || view.lines.length === 0 || view.in + view.out > 0) return;
  const finding = view.findings.find(({ type }) => type === 'PaceDoubtful');
  if (finding === undefined) return;
  const sentence = 'Nobody was counted, but too few pictures were analysed to know that nobody crossed a line.';
  endStream(stream, { reason: finding.reason, sentence, badInput: false }, run);
}

function startAgent(loaded: LoadedStream, counterPort: number, directory: string | undefined, options: RunOptions): Child {
  const {
    file,
    stream: { spec },
  } = loaded;
  const { url, transport, realtime, insecureSkipTLSVerify, credentialsSecretRef } = spec.source;
  const secrets = options.secrets ?? join(dirname(resolve(file)), 'secrets');
  return new Child({
    program: 'agent',
    input: kindOf(url) === 'stdin',
    environment: options.environment ?? {},
    verbose: options.verbose,
    config: {
      stream: nameOf(loaded),
      source: {
        url,
        transport,
        realtime,
        insecureSkipTLSVerify,
        ...(credentialsSecretRef && { credentialsDirectory: join(secrets, credentialsSecretRef.name) }),
      },
      buffer: spec.buffer,
      ...(directory !== undefined && { ring: { directory } }),
      counters: [`127.0.0.1:${counterPort}`],
      site: { host: '127.0.0.1', port: 0 },
      exitWhenUnusable: true,
    },
  });
}

async function follow(agent: Child, stream: RunningStream, { audience, changed }: Run): Promise<void> {
  let said: string | undefined;
  await followCounts(await agent.announced<number>('site'), (view) => {
    stream.view = view;
    const { connected, sentence } = view.camera;
    // It is counted all the same; a camera that is away shows in the progress, and in the gaps.
    if (connected && sentence !== undefined && sentence !== said) audience.say(`${stream.loaded.stream.metadata.name}: ${sentence}`);
    if (connected) said = sentence;
    changed();
  });
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

/** The counter's last words on the file, if events are missing in it, are the stream's fault. */
async function finishEvents(
  path: string,
  ledger: FolderLedger,
  fault: string | undefined,
  streams: readonly RunningStream[],
  run: Run,
): Promise<void> {
  for (const stream of streams) {
    const missing = await missingEvents(nameOf(stream.loaded), ledger).catch((error: Error) => error.message);
    if (missing === 0 || stream.end !== 'well') continue;
    const sentence = typeof missing === 'string' ? missing : `${missing} events are not written: ${fault ?? path}.`;
    endStream(stream, { reason: 'EventsNotWritten', sentence, badInput: false }, run);
  }
  await orderEvents(
    path,
    streams.map(({ loaded }) => nameOf(loaded)),
  );
}

function nameOf({ stream: { metadata } }: LoadedStream): StreamName {
  return { namespace: metadata.namespace, name: metadata.name, uid: localUid(metadata) };
}

/** Stands for the uid that the API server would give: the same stream on each run. */
function localUid({ namespace, name }: { namespace: string; name: string }): string {
  return createHash('sha256').update(`${namespace}/${name}`).digest('hex').slice(0, 32);
}
