/** What keeps a pod from doing its work, as a clause to go on after "The agent ...". */
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
/** Said while a container is made ready, which may take a while and is no fault. */
const STARTING_REASONS = new Set(['ContainerCreating', 'PodInitializing']);

/** Undefined when the pod is ready. */
export function podTrouble(pod: V1Pod): PodTrouble | undefined {
  const { conditions = [], containerStatuses = [], phase } = pod.status ?? {};
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (pod.metadata?.deletionTimestamp !== undefined) return { reason: 'Starting', sentence: 'is being moved: its pod is going.' };
  if (ready?.status === 'True') return undefined;
  const container = containerStatuses[0];
  const { waiting, terminated } = container?.state ?? {};
  if (waiting !== undefined && IMAGE_REASONS.has(waiting.reason ?? '')) {
    return { reason: 'ImagePull', sentence: `cannot start: its image ${container!.image} cannot be pulled.` };
  }
  // The node's keeper of order says so when a node no longer reports.
  if (phase === 'Running' && container?.state?.running !== undefined && container.ready) {
    return { reason: 'NodeLost', sentence: `was on node ${pod.spec?.nodeName}, which no longer reports.` };
  }
  // Also while it is tried once more: the reason must not change with each try.
  const last = terminated ?? container?.lastState?.terminated;
  if (last !== undefined) {
    return {
      reason: 'Crashing',
      sentence: `ended with exit code ${last.exitCode} and has not come back: ${lastWords(last.message, last.reason)}`,
    };
  }
  if (waiting !== undefined && !STARTING_REASONS.has(waiting.reason ?? '')) {
    return { reason: 'Failing', sentence: `cannot start: ${waiting.message ?? waiting.reason}.` };
  }
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined) return { reason: 'Unschedulable', sentence: `finds no node: ${unscheduled.message}` };
  return { reason: 'Starting', sentence: 'is starting.' };
}

function lastWords(message: string | undefined, reason: string | undefined): string {
  const line = message?.trimEnd().split('\n').at(-1) ?? '';
  return line === '' ? `${reason ?? 'nothing was said'}.` : sentenceOf(line).slice(0, 500);
}

/** Of a line of log without its time, which would make it another one at each try. What a pod says last may be anything. */
function sentenceOf(line: string): string {
  try {
    const { sentence, msg } = JSON.parse(line) as { sentence?: unknown; msg?: unknown };
    return [sentence, msg].find((said) => typeof said === 'string') ?? line;
  } catch {
    return line;
  }
}

/** Its work is over, one way or the other: another one has taken its place, or will. */
export function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}
