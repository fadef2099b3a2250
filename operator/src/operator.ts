/**
 * The operator as a whole. Mirrors are kept at all times, so that whoever takes the lead knows the world already;
 * reconciling is for the one that leads.
 */
import { type ApiServer, resources, type V1Deployment, type V1OwnerReference } from '#crds/cluster/api.ts';
import { connect } from '#crds/cluster/client.ts';
import { apiVersion, type CameraStream, type Condition, kind } from '#crds/schema.ts';
import type { Log } from '#proto/process/log.ts';
import { createMetrics, type Metrics } from '#proto/process/metrics.ts';
import { serveHttp } from '#proto/process/http-server.ts';
import { announce } from '#proto/process/shutdown.ts';
import type { OperatorConfig } from './config.ts';
import type { PoolView } from './streams/conditions.ts';
import { type Operator, type Pass, reconcileStream } from './streams/reconcile.ts';
import { Certificates } from './certificates/reconcile.ts';
import { PoolSize, reconcilePool, samePool } from './pool/reconcile.ts';
import { LeaderLease } from './runtime/lease.ts';
import { eventMetrics, leaderMetrics, queueMetrics, reflectorMetrics, requestMetrics } from './runtime/metrics.ts';
import { WorkQueue } from './runtime/queue.ts';
import { EventRecorder } from './runtime/recorder.ts';
import { World } from './cluster-cache.ts';

/** No stream's key: those have a slash. */
const POOL_KEY = 'pool';
const CERTIFICATES_KEY = 'certificates';
/** Streams come and go in droves; the pool is looked at once for all of them. */
const POOL_SECONDS = 0.5;
const LEASE = 'footfall-operator';

/** Runs until the signal aborts. @throws Error with a sentence when it cannot, or lost the lead. */
export async function runOperator(config: OperatorConfig, log: Log, signal: AbortSignal): Promise<void> {
  const metrics = createMetrics();
  const api = connect({
    ...(config.kubeconfig !== undefined && { kubeconfig: config.kubeconfig }),
    userAgent: 'footfall-operator',
    onRequest: requestMetrics(metrics),
  });
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const observers = queueMetrics(metrics);
  const onFault = (key: string, error: unknown, retrySeconds: number) =>
    log.warn({ key, sentence: (error as Error).message, retrySeconds }, 'will be tried again');
  // One of its own for the pool: it is looked at for all streams together, and must not wait behind them.
  const streams = new WorkQueue({ observer: observers('camerastream', config.workers), onFault });
  const pool = new WorkQueue({ observer: observers('pool', 1), onFault });
  const told = reflectorMetrics(metrics);
  const world = new World({
    ...config,
    api,
    onStream: (key) => streams.add(key),
    onPool: () => pool.addAfter(POOL_KEY, POOL_SECONDS),
    onState: (resource, state) => {
      told(resource)(state);
      if (state.kind === 'interrupted' && state.reason !== 'Closed')
        log.warn({ resource, ...state }, 'the view of the cluster was interrupted');
    },
  });
  const http = await serveHttp({ ...config.http, metrics, unready: () => world.unready() });
  announce({ http: http.port });
  const mirroring = world.run(either);
  try {
    await world.whenFilled(either);
    const reconcile = (leading: AbortSignal) => runControllers({ config, api, world, streams, pool, metrics, log }, leading);
    if (config.leaderElection) {
      const { namespace, identity } = config;
      await new LeaderLease({ api, namespace, name: LEASE, identity, log, onLeading: leaderMetrics(metrics, LEASE) }).lead(
        either,
        reconcile,
      );
    } else await reconcile(either);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    over.abort(new Error('the operator stops'));
    await mirroring;
    await http.stop();
    await api.close();
  }
}

interface Parts {
  readonly config: OperatorConfig;
  readonly api: ApiServer;
  readonly world: World;
  readonly streams: WorkQueue;
  readonly pool: WorkQueue;
  readonly metrics: Metrics;
  readonly log: Log;
}

async function runControllers({ config, api, world, streams, pool, metrics, log }: Parts, signal: AbortSignal): Promise<void> {
  let owner: V1OwnerReference | undefined;
  const size = new PoolSize();
  const recorder = new EventRecorder({
    api,
    controller: 'footfall.dev/operator',
    instance: config.identity,
    log,
    onResult: eventMetrics(metrics),
  });
  let view: PoolView = world.poolView(config.counter);
  const lookAtStreams = () => {
    for (const key of world.keys()) streams.add(key);
  };
  const certificates = new Certificates({ config, api, recorder, log, onChange: lookAtStreams });
  const operator: Operator = {
    api,
    world,
    config,
    log,
    // Without a certificate no counter can start, whatever else its pods say.
    pool: () => ({ ...view, trouble: certificates.trouble ?? view.trouble }),
    authorities: () => certificates.authorities,
    now: () => `${new Date().toISOString().slice(0, 19)}Z`,
    onReady: (stream, ready) => recorder.record(eventOf(stream, ready)),
  };
  const lookAtPool = async (key: string): Promise<Pass> => {
    owner ??= await ownerOf(config, api, signal);
    if (key === CERTIFICATES_KEY) return certificates.reconcile(owner, signal);
    const { view: next, ...pass } = await reconcilePool(operator, size, owner, signal);
    const changed = !samePool(view, next);
    view = next;
    if (changed) lookAtStreams();
    return pass;
  };
  // Whoever led before may have left anything half done. Counters' pods wait for their certificate, so it comes first.
  lookAtStreams();
  pool.add(CERTIFICATES_KEY);
  pool.add(POOL_KEY);
  try {
    await Promise.all([
      streams.run({ workers: config.workers, process: (key) => reconcileStream(key, operator, signal), signal }),
      pool.run({ workers: 1, process: lookAtPool, signal }),
    ]);
  } finally {
    await recorder.stop();
  }
}

/** The operator's own Deployment: what it makes for itself goes with it. */
async function ownerOf(
  { namespace, deployment }: OperatorConfig,
  api: ApiServer,
  signal: AbortSignal,
): Promise<V1OwnerReference | undefined> {
  if (deployment === undefined) return undefined;
  const { metadata } = await api.get<V1Deployment>(resources.deployments, { namespace, name: deployment }, signal);
  return { apiVersion: resources.deployments.apiVersion, kind: resources.deployments.kind, name: deployment, uid: metadata!.uid! };
}

function eventOf({ metadata: { namespace, name, uid } }: CameraStream, { status, reason, message }: Condition) {
  return {
    regarding: { apiVersion, kind, metadata: { namespace, name, uid } },
    type: status === 'True' || reason === 'Suspended' ? 'Normal' : 'Warning',
    reason,
    action: 'Reconcile',
    note: message,
  } as const;
}
