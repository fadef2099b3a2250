/** The operator's part of a status: conditions, agent, observedGeneration. Computed whole; times change with what they date. */
import type { AgentStatus, CameraStream, CameraStreamStatus, Condition } from '#crds/schema.ts';
import { canonical } from '#crds/cluster/canonical.ts';
import { conditionTypes } from '#crds/schema.ts';
import { scrub } from '#proto/process/scrub.ts';
import { judge, type Observed } from './conditions.ts';

export interface OperatorStatus {
  readonly observedGeneration: number;
  readonly conditions: Condition[];
  /** Left out without a pod: a mapping that has become empty is refused by the API server. */
  readonly agent?: AgentStatus;
}

/** @param now RFC 3339, to the second as Kubernetes has it. */
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
      const old = before.get(type);
      const judgement = judgements[type];
      const lastTransitionTime = old?.status === judgement.status ? old.lastTransitionTime : now;
      const judged = judgement.observedGeneration ?? observedGeneration;
      return {
        type,
        status: judgement.status,
        reason: judgement.reason,
        message: scrub(judgement.message).slice(0, 4096),
        lastTransitionTime,
        observedGeneration: judged,
      };
    }),
    ...(pod && { agent: { pod: pod.metadata!.name!, ...(node !== undefined && { node }) } }),
  };
}

/** Whether the resource already says this. */
export function sameStatus({ status = {} }: CameraStream, next: OperatorStatus): boolean {
  const own = status.conditions?.filter(({ type }) => (conditionTypes as readonly string[]).includes(type));
  return canonical({ observedGeneration: status.observedGeneration, conditions: own, agent: status.agent }) === canonical(next);
}

export function readyOf({ conditions = [] }: Pick<CameraStreamStatus, 'conditions'>): Condition | undefined {
  return conditions.find(({ type }) => type === 'Ready');
}
