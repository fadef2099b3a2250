/** The runtime's metrics, under the names of controller-runtime and client-go, so that their dashboards can be used. */
import type { AnsweredRequest } from '#crds/cluster/client.ts';
import type { ReflectorState } from '#crds/cluster/reflector.ts';
import type { Metrics } from '#proto/process/metrics.ts';
import type { QueueObserver } from './queue.ts';
import type { EventResult } from './recorder.ts';

/** The buckets of controller-runtime: from a cached read to a slow server. */
const QUEUE_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
const RECONCILE_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5,
  5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** The values of controller-runtime; `requeue` does not occur here. */
const RESULTS = ['success', 'error', 'requeue', 'requeue_after'];

/** Once for the process. @returns the observer of a controller's queue. */
export function queueMetrics({ bare }: Metrics): (controller: string, workers: number) => QueueObserver {
  const names = ['name', 'controller'];
  const of = ['controller'];
  const depth = bare.gauge('workqueue_depth', 'Keys waiting for a worker.', names);
  const adds = bare.counter('workqueue_adds_total', 'Keys added.', names);
  const waited = bare.histogram('workqueue_queue_duration_seconds', 'How long a key waits for a worker.', QUEUE_SECONDS, names);
  const worked = bare.histogram('workqueue_work_duration_seconds', 'How long a worker is busy with a key.', QUEUE_SECONDS, names);
  const unfinished = bare.gauge(
    'workqueue_unfinished_work_seconds',
    'How long all keys in work have been in work, in total. A growing value means that workers are stuck.',
    names,
  );
  const longest = bare.gauge('workqueue_longest_running_processor_seconds', 'How long the oldest key in work has been in work.', names);
  const retries = bare.counter('workqueue_retries_total', 'Keys retried after a failure.', names);
  const reconciles = bare.counter('controller_runtime_reconcile_total', 'Reconciliations by result.', [...of, 'result']);
  const errors = bare.counter('controller_runtime_reconcile_errors_total', 'Reconciliations that failed.', of);
  const seconds = bare.histogram('controller_runtime_reconcile_time_seconds', 'How long a reconciliation takes.', RECONCILE_SECONDS, of);
  const active = bare.gauge('controller_runtime_active_workers', 'Workers that are busy.', of);
  const most = bare.gauge('controller_runtime_max_concurrent_reconciles', 'Workers of the controller.', of);
  return (controller, workers) => {
    const queue = { name: controller, controller };
    let busy = 0;
    // Every series exists from the start: the rate of something that has not happened yet is 0, not absent.
    for (const result of RESULTS) reconciles.add(0, { controller, result });
    for (const counter of [adds, retries]) counter.add(0, queue);
    errors.add(0, { controller });
    depth.set(0, queue);
    active.set(0, { controller });
    most.set(workers, { controller });
    return {
      added(waiting) {
        adds.add(1, queue);
        depth.set(waiting, queue);
      },
      started(waitedSeconds, waiting) {
        waited.observe(waitedSeconds, queue);
        depth.set(waiting, queue);
        busy += 1;
        active.set(busy, { controller });
      },
      finished(workedSeconds, result) {
        worked.observe(workedSeconds, queue);
        seconds.observe(workedSeconds, { controller });
        reconciles.add(1, { controller, result });
        if (result === 'error') errors.add(1, { controller });
        busy -= 1;
        active.set(busy, { controller });
      },
      retried: () => retries.add(1, queue),
      working(workedSeconds, longestSeconds) {
        unfinished.set(workedSeconds, queue);
        longest.set(longestSeconds, queue);
      },
    };
  };
}

/** For `connect`. */
export function requestMetrics({ bare }: Metrics): (request: AnsweredRequest) => void {
  const requests = bare.counter(
    'rest_client_requests_total',
    'Requests to the API server, by status code; <error> when there was no answer.',
    ['code', 'method'],
  );
  return ({ code, method }) => requests.add(1, { code: code === 0 ? '<error>' : String(code), method });
}

/** @param name of the lease */
export function leaderMetrics({ bare }: Metrics, name: string): (leading: boolean) => void {
  const status = bare.gauge('leader_election_master_status', '1 for the replica that leads.', ['name']);
  status.set(0, { name });
  return (leading) => status.set(leading ? 1 : 0, { name });
}

/** Once for the process. @returns the observer of all reflectors. */
export function reflectorMetrics(metrics: Metrics): (resource: string, state: ReflectorState) => void {
  const lists = metrics.counter('operator_lists_total', 'Complete lists of a resource.', ['resource']);
  const interruptions = metrics.counter(
    'operator_interruptions_total',
    'Lists and watches that ended, by reason; Closed is the ordinary end of a watch.',
    ['resource', 'during', 'reason'],
  );
  return (resource, state) => {
    if (state.kind === 'listed') lists.add(1, { resource });
    else interruptions.add(1, { resource, during: state.during, reason: state.reason });
  };
}

export function eventMetrics(metrics: Metrics): (result: EventResult) => void {
  const events = metrics.counter('operator_events_total', 'Events by result: created, patched, dropped or failed.', ['result']);
  return (result) => events.add(1, { result });
}
