/** The composition root of a counter: starts it, serves streams until a signal comes, and drains. */
import { availableParallelism } from 'node:os';
import process from 'node:process';
import type { ApiServer } from '#crds/cluster/api.ts';
import { formatFault, loadCameraStreams } from '#crds/load.ts';
import { runProcess } from '#proto/process/run-process.ts';
import { createLog, type Log } from '#proto/process/log.ts';
import { requireFfmpeg } from '#proto/media/ffmpeg.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { serveHttp } from '#proto/process/http-server.ts';
import { serveCounting } from '#proto/wire/server.ts';
import { announce, shutdownSignal } from '#proto/process/shutdown.ts';
import { Slots, type Resources } from './call/admission.ts';
import { Cluster } from './cluster.ts';
import { Certificate } from './identity/certificate.ts';
import { type CounterConfig, readCounterConfig } from './config.ts';
import { DetectorPool } from './detection/detector-pool.ts';
import type { Receiver } from './events/receiver.ts';
import { openReceiver } from './events/receivers.ts';
import { FolderLedger } from './ledger/folder.ts';
import { streamMetrics } from './metrics.ts';
import { EVICTIONS } from './specs/eviction.ts';
import { FixedSpecs } from './specs/specs.ts';
import { type CounterService, serveStream } from './stream.ts';
import { uncaughtExceptionSignal } from './uncaught-exceptions.ts';

const HELP = `usage: FOOTFALL_COUNTER='{"listen":"127.0.0.1:0","local":{...},...}' counter-service

Counts people on the streams that edge agents send.
The configuration is the JSON in FOOTFALL_COUNTER. Exit codes: 0 done, 1 failed, 2 bad input.
`;

/** How long streams may take to settle their last checkpoints when the counter drains. */
const DRAIN_MS = 10_000;

async function run(config: CounterConfig, log: Log, signal: AbortSignal): Promise<void> {
  await requireFfmpeg();
  const metrics = createMetrics();
  const detectors = new DetectorPool({
    ...config.inference,
    workers: config.inference.workers || (config.inference.provider === 'cpu' ? availableParallelism() : 1),
    modelsDirectory: config.modelsDirectory,
    metrics,
    log,
  });
  const ofStreams = streamMetrics(metrics);
  const cluster = config.cluster && new Cluster(await connect(), config.cluster, ofStreams, log);
  const { ledger, specs } = cluster ?? readLocal(config.local!);
  const service: CounterService = {
    ledger,
    specs,
    receivers: config.receivers.map((options) => announceFaults(openReceiver(options))),
    detector: (model) => detectors.of(model),
    mostWaitingEvents: config.mostWaitingEvents,
    slots: new Slots(config.maxStreams),
    draining: signal,
    metrics: ofStreams,
    identities: cluster?.identities,
    log,
  };
  const certificate = config.tls && (await Certificate.read(config.tls, log));
  const server = await serveCounting(config.listen, (call) => serveStream(call, service), {
    certificate: certificate?.current,
    limits: config.door,
    onCut: (reason) => ofStreams.countConnectionCut(reason),
  });
  const http = await serveHttp({
    ...config.http,
    metrics,
    unready: () => (signal.aborted ? EVICTIONS.drain.sentence : (cluster?.unready() ?? detectors.unready())),
  });
  log.info({ port: server.port, http: http.port, provider: config.inference.provider }, 'counter serves');
  announce({ counter: server.port, http: http.port });
  const reach = cluster?.reach(signal);
  const follow = certificate?.follow((renewed) => server.renew(renewed), signal);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.stop(DRAIN_MS);
  await Promise.all([http.stop(), detectors.stop(), reach, follow, cluster?.close()]);
}

/** Announces faults of the receiver to the parent process: local mode reports at its end why events are missing. */
function announceFaults(receiver: Receiver): Receiver {
  return {
    name: receiver.name,
    deliver: (events, signal) =>
      receiver.deliver(events, signal).catch((error: Error) => {
        if (!signal.aborted) announce({ receiverFault: error.message });
        throw error;
      }),
  };
}

/** Loads the API server's client only when it is needed, for loading takes as long as the rest of the start. */
async function connect(): Promise<ApiServer> {
  const client = await import('#crds/cluster/client.ts');
  return client.connect({ userAgent: 'footfall-counter' });
}

function readLocal({ manifests, ledgerDirectory }: NonNullable<CounterConfig['local']>): Pick<Resources, 'ledger' | 'specs'> {
  const { streams, faults } = loadCameraStreams(manifests);
  if (faults[0] !== undefined) throw new Error(formatFault(faults[0]));
  const specs = new Map(streams.map(({ stream: { metadata, spec } }) => [`${metadata.namespace}/${metadata.name}`, spec]));
  return { ledger: new FolderLedger(ledgerDirectory), specs: new FixedSpecs(specs) };
}

await runProcess({
  help: HELP,
  readConfig: readCounterConfig,
  work: async (config) => {
    const log = createLog('counter-service', config.logLevel);
    await run(config, log, AbortSignal.any([shutdownSignal(), uncaughtExceptionSignal(log, 2 * DRAIN_MS)]));
  },
  failed: (error) => {
    process.stderr.write(`${(error as Error).message}\n`);
    return 'failed';
  },
});
