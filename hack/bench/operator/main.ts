/** `npm run bench:operator`: what an operator with many CameraStreams costs, itself and the API server. */
import process from 'node:process';
import { resources } from '#crds/cluster/api.ts';
import type { CameraStream } from '#crds/schema.ts';
import { pause } from '#proto/process/backoff.ts';
import { ControlPlane, findControlPlane } from '../../machine/control-plane.ts';
import { Child } from '../../../local/child.ts';
import { type Bounds, parseOptions, runAsProcess, wholeNumber } from '../../../local/command.ts';
import { cpuOf, memoryOfTree } from '../../machine/processes.ts';
import { isMet, type Row, rowTable } from '../rows.ts';

const HELP = `usage: npm run --silent bench:operator -- [options]

Starts etcd and kube-apiserver, makes CameraStreams (suspended, so that no pod is wanted), lets an operator reconcile
them, watches it at rest, and starts it again with everything in place.

  --streams N    how many CameraStreams (default: 2000)
  --rest N       seconds at rest (default: 30)
  --json         print JSON
  --help         show this

Exit codes: 0 all targets met, 1 a target was missed, 2 bad input.
`;

const CREATED_AT_A_TIME = 32;
const POLL_SECONDS = 0.5;

interface Options {
  readonly streams: number;
  readonly rest: number;
  readonly json: boolean;
}

/** Requests by method, as the operator counts them itself. */
type Requests = Readonly<Record<string, number>>;

interface Running {
  readonly child: Child;
  readonly startedAt: number;
  requests(): Promise<Requests>;
  ready(): Promise<boolean>;
}

async function bench({ streams, rest }: Options, plane: ControlPlane, signal: AbortSignal): Promise<Row[]> {
  const namespace = await plane.makeNamespace();
  await inParallel(streams, (index) => plane.api.create(resources.cameraStreams, suspended(namespace, index), signal));
  say(`${streams} CameraStreams are there`);

  const first = await startOperator(plane);
  // Asked of the operator, for a list of them all would cost the API server more than the operator does.
  await until(async () => (await first.requests())['PATCH']! >= 3 * streams, signal);
  await until(async () => (await reconciled(plane, namespace)) === streams, signal);
  const reconcileSeconds = (performance.now() - first.startedAt) / 1000;
  const { own } = cpuOf(first.child.process.pid!);
  // What is under way, such as Events, has its time.
  await pause(2, signal);
  const reached = await first.requests();
  say(`all reconciled after ${reconcileSeconds.toFixed(1)} s`);

  await pause(rest, signal);
  const rested = await first.requests();
  const memory = memoryOfTree(first.child.process.pid!);
  await first.child.stop();

  const second = await startOperator(plane);
  await until(() => second.ready(), signal);
  const readySeconds = (performance.now() - second.startedAt) / 1000;
  await pause(rest, signal);
  const restarted = await second.requests();
  await second.child.stop();

  const part = 'operator';
  return [
    { part, what: `reconcile ${streams} streams`, value: reconcileSeconds, unit: 's' },
    { part, what: 'CPU of that', value: own / streams, unit: 'ms a stream' },
    { part, what: 'writes to reach the state', value: writes(reached) / streams, unit: 'a stream', target: { most: 6 } },
    { part, what: 'reads to reach the state', value: (reached['GET'] ?? 0) / streams, unit: 'a stream' },
    { part, what: `writes in ${rest} s of rest`, value: writes(rested) - writes(reached), unit: '', target: { most: 0 } },
    { part, what: 'memory, resident', value: memory.resident / 1e6, unit: 'MB' },
    { part, what: 'memory, of its own', value: memory.anonymous / 1e6, unit: 'MB' },
    { part, what: 'started again: ready', value: readySeconds, unit: 's', target: { most: 10 } },
    { part, what: `started again: writes in ${rest} s`, value: writes(restarted), unit: '', target: { most: 0 } },
  ];
}

async function startOperator(plane: ControlPlane): Promise<Running> {
  const startedAt = performance.now();
  const child = new Child({
    program: 'operator',
    config: {
      namespace: 'default',
      identity: 'bench',
      kubeconfig: plane.kubeconfig,
      leaderElection: false,
      agent: { image: 'agent' },
      counter: { image: 'counter', minimum: 0 },
      http: { host: '127.0.0.1', port: 0 },
      logLevel: 'warn',
    },
  });
  const port = await child.announced<number>('http');
  const page = async (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  return {
    child,
    startedAt,
    requests: async () => requestsOf(await (await page('/metrics')).text()),
    ready: async () => (await page('/readyz')).ok,
  };
}

function requestsOf(page: string): Requests {
  const counted: Record<string, number> = {};
  for (const [, labels, value] of page.matchAll(/^rest_client_requests_total\{(.*)\} (\d+)$/gm)) {
    const method = /method="(\w+)"/.exec(labels!)![1]!;
    counted[method] = (counted[method] ?? 0) + Number(value);
  }
  return counted;
}

function writes(requests: Requests): number {
  return Object.entries(requests).reduce((sum, [method, count]) => (method === 'GET' ? sum : sum + count), 0);
}

function suspended(namespace: string, index: number) {
  return {
    apiVersion: 'footfall.dev/v1alpha1',
    kind: 'CameraStream',
    metadata: { namespace, name: `camera-${index}` },
    spec: {
      source: { url: `rtsp://camera-${index}.example/stream` },
      suspend: true,
      lines: [{ name: 'entrance', from: { x: 500, y: 226 }, to: { x: 500, y: 573 } }],
    },
  };
}

async function reconciled(plane: ControlPlane, namespace: string): Promise<number> {
  const { items } = await plane.api.list<CameraStream>(resources.cameraStreams, { namespace });
  return items.filter(({ status }) => status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === 'Suspended')).length;
}

async function inParallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work((next += 1) - 1);
  };
  await Promise.all(Array.from({ length: CREATED_AT_A_TIME }, worker));
}

async function until(holds: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await holds())) {
    signal.throwIfAborted();
    await pause(POLL_SECONDS, signal);
  }
}

/** @throws Error with one sentence. */
function readOptions(args: readonly string[]): Options {
  const { values } = parseOptions({
    args: [...args],
    options: {
      streams: { type: 'string', default: '2000' },
      rest: { type: 'string', default: '30' },
      json: { type: 'boolean', default: false },
    },
  });
  if (process.platform !== 'linux') throw new Error('The benchmarks read /proc: they need Linux.');
  if (findControlPlane() === undefined)
    throw new Error('etcd and kube-apiserver are needed, on the PATH or in KUBEBUILDER_ASSETS (see setup-envtest).');
  const bounds: Bounds = { least: 1, most: 99_999 };
  return {
    streams: wholeNumber('--streams', values.streams, bounds),
    rest: wholeNumber('--rest', values.rest, bounds),
    json: values.json,
  };
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

await runAsProcess({
  help: HELP,
  readOptions,
  run: async (options, signal) => {
    const plane = await ControlPlane.start();
    try {
      const rows = await bench(options, plane, signal);
      const judged = rows.map((row) => ({ ...row, met: isMet(row) }));
      process.stdout.write(options.json ? `${JSON.stringify({ rows: judged })}\n` : `${rowTable(rows)}\n`);
      return judged.some(({ met }) => met === false) ? 1 : 0;
    } finally {
      await plane.stop();
    }
  },
});
