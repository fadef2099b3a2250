/** The operator's part of a status, computed as a whole: conditions, agent, observedGeneration. */
import { canonical } from '#crds/cluster/canonical.ts';
import {
  type AgentStatus,
  type CameraStream,
  type CameraStreamStatus,
  type Condition,
  conditionTypes,
  type FindingType,
  findingTypes,
} from '#crds/schema.ts';
import { scrub } from '#proto/process/scrub.ts';
import { judge, type Observed, soundReason } from './conditions.ts';

export interface OperatorStatus {
  readonly observedGeneration: number;
  readonly conditions: Condition[];
  /** Left out without a pod: the API server rejects an empty mapping. */
  readonly agent?: AgentStatus;
}

/** @param now RFC 3339, to the second. A transition time changes only with the status of its condition. */
export function statusOf(observed: Observed, now: string): OperatorStatus {
  const { metadata, status } = observed.stream;
  const observedGeneration = metadata.generation ?? 0;
  const judgements = judge(observed);
  const before = new Map((status?.conditions ?? []).map((condition) => [condition.type, condition]));
  const { pod } = observed;
  const node = pod?.spec?.nodeName;
  return {
    observedGeneration,
    conditions: conditionTypes.map((type): Condition => {
      const { status: value, reason, message, observedGeneration: judged = observedGeneration } = judgements[type];
      const old = before.get(type);
      const lastTransitionTime = old?.status === value ? old.lastTransitionTime : now;
      return { type, status: value, reason, message: scrub(message).slice(0, 4096), lastTransitionTime, observedGeneration: judged };
    }),
    ...(pod && { agent: { pod: pod.metadata!.name!, ...(node !== undefined && { node }) } }),
  };
}

/** Whether the resource already has this status. Conditions of other clients do not count. */
export function sameStatus({ status = {} }: CameraStream, next: OperatorStatus): boolean {
  const own = status.conditions?.filter(({ type }) => (conditionTypes as readonly string[]).includes(type));
  return canonical({ observedGeneration: status.observedGeneration, conditions: own, agent: status.agent }) === canonical(next);
}

/** The conditions whose change is worth an Event: Ready, and what was found or is over; not that nothing was found yet. */
export function tellingChanges(
  { conditions: before = [] }: Pick<CameraStreamStatus, 'conditions'>,
  { conditions }: OperatorStatus,
): Condition[] {
  return conditions.filter((condition) => {
    const old = before.find(({ type }) => type === condition.type);
    if (old?.status === condition.status && old.reason === condition.reason) return false;
    if (condition.type === 'Ready') return true;
    if (!isFinding(condition.type) || condition.status === 'Unknown') return false;
    return condition.reason !== soundReason(condition.type) || (old !== undefined && old.status !== 'Unknown');
  });
}

function isFinding(type: string): type is FindingType {
  return (findingTypes as readonly string[]).includes(type);
}
