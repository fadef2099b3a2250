/**
 * What is the case with a CameraStream, in the words of its conditions: a list of judgements over what was observed.
 * Each asks one question and answers with a reason and a sentence that says what to do, or has nothing to say.
 *
 *   AgentAvailable ─▶ CameraConnected ─▶ Counting ─▶ Ready: the first that does not hold is why it is not ready
 */
import type { V1Deployment, V1Pod } from '#crds/cluster/api.ts';
import type { CameraStream, Condition, conditionTypes } from '#crds/schema.ts';
import { SITE_LABEL } from '../objects/labels.ts';
import { podTrouble } from '../objects/pods.ts';

type ConditionType = (typeof conditionTypes)[number];

export interface Judgement {
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
  /** Of the spec, when it is not the newest one that is judged. */
  readonly observedGeneration?: number;
}

/** The pool as the streams see it. */
export interface PoolView {
  /** The counters that can be reached, and since when each of them runs, in milliseconds since 1970. */
  readonly ready: ReadonlyMap<string, number>;
  /** Whether the ready counters have all the streams that they can take. */
  readonly full: boolean;
  readonly streamsPerCounter: number;
  /** As many counters as there may be. */
  readonly maximum: number;
  /** What keeps counters from starting, if anything does. */
  readonly trouble: string | undefined;
}

export interface Observed {
  readonly stream: CameraStream;
  /** Why nothing can be made of the spec. */
  readonly fault: string | undefined;
  /** Why the API server did not take what the operator asked for. */
  readonly refused: Judgement | undefined;
  readonly deployment: V1Deployment | undefined;
  /** The agent's pod: the one that is to stay, if there are two. */
  readonly pod: V1Pod | undefined;
  /** A pod on its way out, or on a node that no longer answers. */
  readonly former: V1Pod | undefined;
  readonly pool: PoolView;
}

export function judge(observed: Observed): Record<ConditionType, Judgement> {
  const agent = judgeAgent(observed);
  const camera = judgeCamera(observed, agent);
  const counting = judgeCounting(observed, agent);
  const broken = [agent, counting, camera].find(({ status }) => status !== 'True');
  const ready = broken ? { ...broken, status: 'False' as const } : counting;
  return { Ready: ready, AgentAvailable: agent, CameraConnected: camera, Counting: counting };
}

function judgeAgent(observed: Observed): Judgement {
  return (
    invalid(observed) ??
    suspended(observed) ??
    observed.refused ??
    notCreated(observed) ??
    replaced(observed) ??
    misplaced(observed) ??
    troubled(observed) ??
    holds('AgentRunning', `The agent runs on node ${observed.pod?.spec?.nodeName}.`)
  );
}

function judgeCamera(observed: Observed, agent: Judgement): Judgement {
  if (agent.status !== 'True') return unknown('AgentUnavailable', 'Nobody reads the camera while the agent is away.');
  const { state, reason, message } = reportOf(observed) ?? {};
  switch (state) {
    case 'Counting':
      return holds('VideoArrives', 'The camera sends video.');
    case 'Interrupted':
      return fails(reason ?? 'CameraLost', message ?? 'The camera sends no video.');
    case 'Ended':
      return fails('Ended', 'The video is over.');
    case 'Refused':
      return unknown('NotCounted', 'Nobody looks at the video while it cannot be counted.');
    case 'Starting':
      return unknown('WaitingForVideo', 'The agent has not had video from the camera yet.');
    default:
      return unknown('CounterUnavailable', 'The agent tells of its camera to a counter, and none has the stream.');
  }
}

function judgeCounting(observed: Observed, agent: Judgement): Judgement {
  if (agent.status !== 'True') return fails(agent.reason, agent.message);
  const report = reportOf(observed);
  switch (report?.state) {
    case 'Counting':
      // By an earlier spec, until the counter has taken up the edit.
      return {
        ...holds('Counting', `Counter ${report.counter} counts.`),
        ...(report.observedGeneration !== undefined && { observedGeneration: report.observedGeneration }),
      };
    case 'Starting':
      return fails('WaitingForVideo', `Counter ${report.counter} waits for the first frame.`);
    case 'Interrupted':
      return fails(report.reason ?? 'CameraLost', report.message ?? 'The camera sends no video.');
    case 'Ended':
      return fails('Ended', 'The video is over, and counted.');
    case 'Refused':
      return fails(report.reason ?? 'Refused', report.message ?? 'The counter does not take the stream.');
    default:
      return noCounter(observed);
  }
}

function invalid({ fault }: Observed): Judgement | undefined {
  return fault === undefined ? undefined : fails('InvalidSpec', fault);
}

function suspended({ stream }: Observed): Judgement | undefined {
  return stream.spec.suspend ? fails('Suspended', 'spec.suspend is true: nothing is counted, and the totals stay.') : undefined;
}

function notCreated({ deployment, pod }: Observed): Judgement | undefined {
  const failure = deployment?.status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (failure !== undefined && pod === undefined) return fails('AgentForbidden', `The agent's pod may not be made: ${failure.message}.`);
  return pod === undefined ? fails('AgentStarting', "The agent's pod is being made.") : undefined;
}

/** The pod that is there may still be the one of an earlier spec. */
function replaced({ deployment }: Observed): Judgement | undefined {
  const generation = deployment?.metadata?.generation;
  const { observedGeneration = 0, updatedReplicas = 0 } = deployment?.status ?? {};
  if (generation === undefined || (observedGeneration >= generation && updatedReplicas > 0)) return undefined;
  return fails('AgentStarting', 'The agent is being replaced by one of the newest spec.');
}

/** The scheduler says of how many nodes what kept them from being taken; only the words about labels concern the site. */
function misplaced({ stream, pod, former }: Observed): Judgement | undefined {
  const scheduled = pod?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  const words = scheduled.message ?? '';
  const node = former?.spec?.nodeName;
  if (node !== undefined) return fails('NodeLost', `The agent was on node ${node}, and no other can take it: ${words}`);
  if (onlyOfLabels(words)) {
    const { site, nodeSelector = {} } = stream.spec;
    const wanted = [
      ...(site === undefined ? [] : [`${SITE_LABEL}=${site}`]),
      ...Object.entries(nodeSelector).map(([key, value]) => `${key}=${value}`),
    ];
    return fails(
      'NoNodeForSite',
      `No node that takes pods has the label${wanted.length > 1 ? 's' : ''} ${wanted.join(', ')}: label one next to the camera. The scheduler says: ${words}`,
    );
  }
  return fails('AgentUnschedulable', `No node can take the agent: ${words}`);
}

/** The taint of control planes keeps everybody's pods away, and says nothing of the site. */
function onlyOfLabels(words: string): boolean {
  const reasons = words
    .replace(/^.*?available: /, '')
    .replace(/(\. preemption:| no new claims).*$/is, '')
    .replace(/\.\s*$/, '')
    .split(/, (?=\d)/);
  return (
    reasons.some(ofLabels) &&
    reasons.every(
      (reason) => ofLabels(reason) || /untolerated taint.*control-plane/.test(reason) || reason.endsWith('untolerated taint(s)'),
    )
  );
}

function ofLabels(reason: string): boolean {
  return /node affinity|node selector/i.test(reason);
}

function troubled({ pod }: Observed): Judgement | undefined {
  const trouble = podTrouble(pod!);
  return trouble && fails(trouble.reason === 'Starting' ? 'AgentStarting' : trouble.reason, `The agent ${trouble.sentence}`);
}

/** The agent runs, and no counter that can be reached says that it has the stream. */
function noCounter({ stream, pool }: Observed): Judgement {
  const { ready, full, streamsPerCounter, maximum, trouble } = pool;
  const more = trouble === undefined ? '' : ` No other can start: ${trouble}`;
  if (ready.size === 0) {
    return fails(
      'CounterUnavailable',
      maximum === 0 ? 'The counter pool is set to no counter at all.' : `No counter is ready.${trouble === undefined ? '' : ` ${trouble}`}`,
    );
  }
  if (full) {
    const bound = ready.size >= maximum ? ` The pool may have ${maximum} and no more.` : more;
    return fails('CounterFull', `All ${ready.size} counters are full, with ${streamsPerCounter} streams each.${bound}`);
  }
  const { reason, message } = stream.status?.stream ?? {};
  return fails(
    'CounterUnavailable',
    `The agent has not reached a counter${message === undefined ? '' : ` since: ${reason}, ${message}`}.`.replace('..', '.'),
  );
}

/** What the counter says of the stream, while it is there to say it. What it refused stays true without it. */
function reportOf({ stream, pool }: Observed) {
  const report = stream.status?.stream;
  if (report === undefined || report.state === 'Disconnected') return undefined;
  if (report.state === 'Refused') return report;
  // Of a counter that was started anew in its pod, what it said before is not true any more.
  const runsSince = pool.ready.get(report.counter);
  return runsSince !== undefined && Date.parse(report.since) >= runsSince ? report : undefined;
}

function holds(reason: string, message: string): Judgement {
  return { status: 'True', reason, message };
}

function fails(reason: string, message: string): Judgement {
  return { status: 'False', reason, message };
}

function unknown(reason: string, message: string): Judgement {
  return { status: 'Unknown', reason, message };
}
