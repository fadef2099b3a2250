/**
 * The operator as a whole. Informer caches are kept up to date at all times, so that a replica that takes the lead can
 * start at once; the controllers run only in the replica that leads.
 */
import type { ApiServer } from '#crds/cluster/api.ts';
import { connect } from '#crds/cluster/client.ts';
import { apiVersion, type CameraStream, type Condition, kind } from '#crds/schema.ts';
import { serveHttp } from '#proto/process/http-server.ts';
import type { Log } from '#proto/process/log.ts';
import { createMetrics, type Metrics } from '#proto/process/metrics.ts';
import { announce } from '#proto/process/shutdown.ts';
import { certificateController } from './certificates/reconcile.ts';
import type { OperatorConfig } from './config.ts';
import { ownerLookup } from './objects/owner.ts';
import { poolController } from './pool/reconcile.ts';
import { ClusterCache } from './runtime/cluster-cache.ts';
import { type Controller, ControllerQueue } from './runtime/controller.ts';
import { LeaderLease } from './runtime/lease.ts';
import { eventMetrics, leaderMetrics, queueMetrics, reflectorMetrics, requestMetrics } from './runtime/metrics.ts';
import { EventRecorder, type NewEvent } from './runtime/recorder.ts';
import { streamController } from './streams/reconcile.ts';

const LEASE = 'footfall-operator';
/** In Events. */
const CONTROLLER = 'footfall.dev/operator';

/** Runs until the signal aborts. @throws Error with a sentence when it fails, or lost the lead. */
export async function runOperator(config: OperatorConfig, log: Log, signal: AbortSignal): Promise<void> {
  const metrics = createMetrics();
  const { namespace, identity, kubeconfig } = config;
  const api = connect({ ...(kubeconfig !== undefined && { kubeconfig }), userAgent: LEASE, onRequest: requestMetrics(metrics) });
  const recorder = new EventRecorder({ api, controller: CONTROLLER, instance: identity, log, onResult: eventMetrics(metrics) });
  const cache = makeCache({ config, api, metrics, log });
  const queues = makeQueues({ config, api, cache, recorder, metrics, log });
  const http = await serveHttp({ ...config.http, metrics, unready: () => cache.unready() });
  announce({ http: http.port });
  const failed = new AbortController();
  const stopping = AbortSignal.any([signal, failed.signal]);
  const caching = cache.run(stopping);
  try {
    await cache.whenSynced(stopping);
    const reconcile = async (leading: AbortSignal) => void (await Promise.all(queues.map((queue) => queue.run(leading))));
    const lease = new LeaderLease({ api, namespace, name: LEASE, identity, log, onLeading: leaderMetrics(metrics, LEASE) });
    await (config.leaderElection ? lease.lead(stopping, reconcile) : reconcile(stopping));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    failed.abort(new Error('the operator stops'));
    await caching;
    await recorder.stop();
    await http.stop();
    await api.close();
  }
}

interface Parts {
  readonly config: OperatorConfig;
  readonly api: ApiServer;
  readonly metrics: Metrics;
  readonly log: Log;
}

function makeCache({ config, api, metrics, log }: Parts): ClusterCache {
  const count = reflectorMetrics(metrics);
  return new ClusterCache({
    ...config,
    api,
    onState: (resource, state) => {
      count(resource, state);
      if (state.kind === 'interrupted' && state.reason !== 'Closed') log.warn({ resource, ...state }, 'watch interrupted');
    },
  });
}

/** All controllers, each with its queue. The conditions of streams depend on the pool and on the certificates. */
function makeQueues(parts: Parts & { readonly cache: ClusterCache; readonly recorder: EventRecorder }): ControllerQueue[] {
  const { config, api, cache, recorder, metrics, log } = parts;
  const owner = ownerLookup(config, api);
  const onChange = () => streamQueue.reconcileAll();
  const certificates = certificateController({ ...parts, owner, onChange });
  const pool = poolController({ ...parts, owner, onChange });
  const streams = streamController({
    ...parts,
    // No counter can start without a certificate, whatever its pod reports.
    pool: () => ({ ...pool.view(), trouble: certificates.state().trouble ?? pool.view().trouble }),
    authorities: () => certificates.state().authorities,
    now: () => `${new Date().toISOString().slice(0, 19)}Z`,
    onChange: (stream, condition) => recorder.record(conditionEvent(stream, condition)),
  });
  const observerOf = queueMetrics(metrics);
  const queueOf = (controller: Controller) =>
    new ControllerQueue(controller, cache, {
      observer: observerOf(controller.name, controller.workers),
      onFault: (key, error, retrySeconds) =>
        log.warn({ controller: controller.name, key, sentence: (error as Error).message, retrySeconds }, 'reconciling failed, retrying'),
    });
  const streamQueue = queueOf(streams);
  return [queueOf(certificates), queueOf(pool), streamQueue];
}

function conditionEvent({ metadata: { namespace, name, uid } }: CameraStream, { type, status, reason, message }: Condition): NewEvent {
  return {
    regarding: { apiVersion, kind, metadata: { namespace, name, uid } },
    type: (type.endsWith('Doubtful') ? status === 'False' : status === 'True') || reason === 'Suspended' ? 'Normal' : 'Warning',
    reason,
    action: 'Reconcile',
    note: message,
  };
}
