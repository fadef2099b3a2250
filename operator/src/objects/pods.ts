/** What a pod's status says. A trouble is a clause that reads on after "The agent ..." or "Counter ...". */
import type { V1Pod } from '#crds/cluster/api.ts';

export interface PodTrouble {
  readonly reason: string;
  readonly sentence: string;
}

const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
]);
/** The kubelet is preparing the container: no fault. */
const STARTING_REASONS = new Set(['ContainerCreating', 'PodInitializing']);

/** Undefined when the pod is ready. */
export function podTrouble(pod: V1Pod): PodTrouble | undefined {
  const { conditions = [], containerStatuses = [], phase } = pod.status ?? {};
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (isTerminating(pod)) return { reason: 'Starting', sentence: 'is being replaced: its pod is terminating.' };
  if (ready?.status === 'True') return undefined;
  const container = containerStatuses[0];
  const { waiting, terminated } = container?.state ?? {};
  if (waiting !== undefined && IMAGE_REASONS.has(waiting.reason ?? '')) {
    return { reason: 'ImagePull', sentence: `cannot start: its image ${container!.image} cannot be pulled.` };
  }
  // The node controller sets Ready to False, and nothing else, when a node stops reporting.
  if (phase === 'Running' && container?.state?.running !== undefined && container.ready) {
    return { reason: 'NodeLost', sentence: `is on node ${pod.spec?.nodeName}, which has stopped reporting.` };
  }
  // Also while the container is restarted: the reason must not change with each restart.
  const last = terminated ?? container?.lastState?.terminated;
  if (last !== undefined) {
    return {
      reason: 'Crashing',
      sentence: `ended with exit code ${last.exitCode} and is not ready again: ${terminationMessage(last.message, last.reason)}`,
    };
  }
  if (waiting !== undefined && !STARTING_REASONS.has(waiting.reason ?? '')) {
    return { reason: 'Failing', sentence: `cannot start: ${waiting.message ?? waiting.reason}.` };
  }
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined) return { reason: 'Unschedulable', sentence: `cannot be scheduled: ${unscheduled.message}` };
  return { reason: 'Starting', sentence: 'is starting.' };
}

export function isTerminating({ metadata }: V1Pod): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

/** In a phase that a pod never leaves: its controller replaces it. */
export function hasFinished({ status }: V1Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}

/** For sorting. */
export function newestFirst(one: V1Pod, other: V1Pod): number {
  return Date.parse(other.metadata?.creationTimestamp ?? '') - Date.parse(one.metadata?.creationTimestamp ?? '');
}

function terminationMessage(message: string | undefined, reason: string | undefined): string {
  const line = message?.trimEnd().split('\n').at(-1) ?? '';
  return line === '' ? `${reason ?? 'no message'}.` : sentenceOf(line).slice(0, 500);
}

/** The sentence of a log line, without the time, which would differ at each restart. The line may also be no log line at all. */
function sentenceOf(line: string): string {
  try {
    const { sentence, msg } = JSON.parse(line) as { sentence?: unknown; msg?: unknown };
    return [sentence, msg].find((text) => typeof text === 'string') ?? line;
  } catch {
    return line;
  }
}
