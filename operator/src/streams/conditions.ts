/**
 * What the conditions of a CameraStream say. Each function below asks one question about what was observed; its answer is
 * a reason with a sentence that says what to do, or undefined when there is nothing to report.
 *
 *   AgentAvailable ─▶ Counting ─▶ CameraConnected: the first that is not True is the reason why Ready is False
 */
import type { V1Deployment, V1Pod } from '#crds/cluster/api.ts';
import { lineDoubts } from '#crds/line-doubts.ts';
import {
  type CameraStream,
  type CameraStreamSpec,
  type Condition,
  type conditionTypes,
  type FindingType,
  findingTypes,
} from '#crds/schema.ts';
import { SITE_LABEL } from '../objects/labels.ts';
import { podTrouble } from '../objects/pods.ts';
import type { PoolView } from '../pool/view.ts';

type ConditionType = (typeof conditionTypes)[number];

export interface Judgement {
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
  /** Of the spec that was judged, when it is not the newest one. */
  readonly observedGeneration?: number;
}

export interface Observed {
  readonly stream: CameraStream;
  /** Why no agent can be made of the spec. */
  readonly fault: string | undefined;
  /** Why the API server refused an object of the agent. */
  readonly refused: Judgement | undefined;
  readonly deployment: V1Deployment | undefined;
  /** The agent's pod; of two, the one that is to stay. */
  readonly pod: V1Pod | undefined;
  /** A pod that is terminating, perhaps on a node that no longer responds. */
  readonly former: V1Pod | undefined;
  readonly pool: PoolView;
}

export function judge(observed: Observed): Record<ConditionType, Judgement> {
  const agent = judgeAgent(observed);
  const camera = judgeCamera(observed, agent);
  const counting = judgeCounting(observed, agent);
  const broken = [agent, counting, camera].find(({ status }) => status !== 'True');
  const ready = broken ? { ...broken, status: 'False' as const } : counting;
  return { Ready: ready, AgentAvailable: agent, CameraConnected: camera, Counting: counting, ...judgeFindings(observed) };
}

function judgeAgent(observed: Observed): Judgement {
  return (
    checkSpec(observed) ??
    checkSuspension(observed) ??
    observed.refused ??
    checkPodExists(observed) ??
    checkRollout(observed) ??
    checkPlacement(observed) ??
    checkPodReady(observed) ??
    holds('AgentRunning', `The agent is running on node ${observed.pod?.spec?.nodeName}.`)
  );
}

function judgeCamera(observed: Observed, agent: Judgement): Judgement {
  if (agent.status !== 'True') return unknown('AgentUnavailable', 'The agent, which connects to the camera, is not running.');
  const { state, reason, message } = reportOf(observed) ?? {};
  switch (state) {
    case 'Counting':
      return holds('VideoArrives', 'The camera sends video.');
    case 'Interrupted':
      return fails(reason ?? 'CameraLost', message ?? 'The camera sends no video.');
    case 'Ended':
      return fails('Ended', 'The video has ended.');
    case 'Refused':
      return unknown('NotCounted', 'The counter refused the stream, so the agent sends it no video.');
    case 'Starting':
      return unknown('WaitingForVideo', 'The agent has received no video from the camera yet.');
    default:
      return unknown('CounterUnavailable', "The agent reports the camera's state to a counter, and no counter serves the stream.");
  }
}

function judgeCounting(observed: Observed, agent: Judgement): Judgement {
  if (agent.status !== 'True') return fails(agent.reason, agent.message);
  const report = reportOf(observed);
  switch (report?.state) {
    case 'Counting':
      // The counter may not have taken up the newest spec yet.
      return {
        ...holds('Counting', `Counter ${report.counter} is counting.`),
        ...(report.observedGeneration !== undefined && { observedGeneration: report.observedGeneration }),
      };
    case 'Starting':
      return fails('WaitingForVideo', `Counter ${report.counter} is waiting for the first frame.`);
    case 'Interrupted':
      return fails(report.reason ?? 'CameraLost', report.message ?? 'The camera sends no video.');
    case 'Ended':
      return fails('Ended', 'The video has ended, and all of it is counted.');
    case 'Refused':
      return fails(report.reason ?? 'Refused', report.message ?? 'The counter refused the stream.');
    default:
      return judgePool(observed);
  }
}

interface FindingCondition {
  /** The status that a finding gives the condition. */
  readonly found: Condition['status'];
  /** The condition without a finding. */
  readonly sound: Judgement;
  /** What the spec alone says; it needs no counter. */
  readonly ofSpec?: (spec: CameraStreamSpec) => Judgement | undefined;
}

const FINDING_CONDITIONS: { readonly [Type in FindingType]: FindingCondition } = {
  PictureUsable: { found: 'False', sound: holds('PictureChanges', 'The picture is neither frozen, empty nor out of focus.') },
  GeometryDoubtful: { found: 'True', sound: fails('LinesFit', 'Each line can be crossed, as far as is known.'), ofSpec: judgeLines },
  PaceDoubtful: { found: 'True', sound: fails('PicturesSuffice', 'Enough pictures a second are analysed.') },
  DetectionDoubtful: { found: 'True', sound: fails('PeopleAreSure', 'What moves is found with certainty, as far as is known.') },
};

function judgeLines({ lines }: CameraStreamSpec): Judgement | undefined {
  const doubts = lineDoubts(lines);
  if (doubts.length === 0) return undefined;
  return holds(doubts[0]!.reason, doubts.map(({ index, name, message }) => `spec.lines[${index}] (${name}) ${message}.`).join(' '));
}

/** The reason of the condition while nothing is found. */
export function soundReason(type: FindingType): string {
  return FINDING_CONDITIONS[type].sound.reason;
}

/** The counter's findings; they do not make a stream unready, for it is counted. */
function judgeFindings(observed: Observed): Record<FindingType, Judgement> {
  const { state } = reportOf(observed) ?? {};
  const findings = observed.stream.status?.counts?.findings ?? [];
  const judgements = findingTypes.map((type): [FindingType, Judgement] => {
    const { found, sound, ofSpec } = FINDING_CONDITIONS[type];
    const finding = state === 'Counting' ? findings.find((one) => one.type === type) : undefined;
    if (finding !== undefined) return [type, { status: found, reason: finding.reason, message: finding.message }];
    const unseen = unknown('NotCounting', 'The counter looks at the video only while it counts.');
    return [type, ofSpec?.(observed.stream.spec) ?? (state === 'Counting' ? sound : unseen)];
  });
  return Object.fromEntries(judgements) as Record<FindingType, Judgement>;
}

function checkSpec({ fault }: Observed): Judgement | undefined {
  return fault === undefined ? undefined : fails('InvalidSpec', fault);
}

function checkSuspension({ stream }: Observed): Judgement | undefined {
  return stream.spec.suspend ? fails('Suspended', 'spec.suspend is true: nothing is counted, and the totals are kept.') : undefined;
}

function checkPodExists({ deployment, pod }: Observed): Judgement | undefined {
  if (pod !== undefined) return undefined;
  const failure = deployment?.status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  return failure === undefined
    ? fails('AgentStarting', "The agent's pod is being created.")
    : fails('AgentForbidden', `The agent's pod cannot be created: ${failure.message}.`);
}

/** The pod may still be the one of an earlier spec. */
function checkRollout({ deployment }: Observed): Judgement | undefined {
  const generation = deployment?.metadata?.generation;
  const { observedGeneration = 0, updatedReplicas = 0 } = deployment?.status ?? {};
  if (generation === undefined || (observedGeneration >= generation && updatedReplicas > 0)) return undefined;
  return fails('AgentStarting', 'The agent is being replaced by one with the newest spec.');
}

/** The scheduler says how many nodes were rejected for which reason; only rejections by label concern the site. */
function checkPlacement({ stream, pod, former }: Observed): Judgement | undefined {
  const scheduled = pod?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  const words = scheduled.message ?? '';
  const node = former?.spec?.nodeName;
  if (node !== undefined) return fails('NodeLost', `The agent was on node ${node}, and no other node can run it: ${words}`);
  if (!rejectedByLabel(words)) return fails('AgentUnschedulable', `No node can run the agent: ${words}`);
  const { site, nodeSelector = {} } = stream.spec;
  const labels = [...(site === undefined ? [] : [[SITE_LABEL, site]]), ...Object.entries(nodeSelector)];
  const wanted = labels.map(([key, value]) => `${key}=${value}`);
  const missing = `No schedulable node has the label${wanted.length > 1 ? 's' : ''} ${wanted.join(', ')}`;
  return fails('NoNodeForSite', `${missing}: label a node near the camera. The scheduler reports: ${words}`);
}

/** Whether labels rejected every node, except for control-plane nodes, whose taint says nothing about the site. */
function rejectedByLabel(words: string): boolean {
  const reasons = words
    .replace(/^.*?available: /, '')
    .replace(/(\. preemption:| no new claims).*$/is, '')
    .replace(/\.\s*$/, '')
    .split(/, (?=\d)/);
  const byLabel = (reason: string) => /node affinity|node selector/i.test(reason);
  const byTaint = (reason: string) => /untolerated taint.*control-plane/.test(reason) || reason.endsWith('untolerated taint(s)');
  return reasons.some(byLabel) && reasons.every((reason) => byLabel(reason) || byTaint(reason));
}

function checkPodReady({ pod }: Observed): Judgement | undefined {
  const trouble = podTrouble(pod!);
  return trouble && fails(trouble.reason === 'Starting' ? 'AgentStarting' : trouble.reason, `The agent ${trouble.sentence}`);
}

/** The agent runs, and no ready counter reports that it serves the stream. */
function judgePool({ stream, pool }: Observed): Judgement {
  const { ready, full, streamsPerCounter, maximum, trouble } = pool;
  if (maximum === 0) return fails('CounterUnavailable', 'counter.maximum is 0: the pool has no counters.');
  if (ready.size === 0) return fails('CounterUnavailable', `No counter is ready.${trouble === undefined ? '' : ` ${trouble}`}`);
  if (full) {
    const more = trouble === undefined ? '' : ` Another counter cannot start: ${trouble}`;
    const bound = ready.size >= maximum ? ` The pool has its maximum of ${maximum}.` : more;
    return fails('CounterFull', `All ${ready.size} counters are full, with ${streamsPerCounter} streams each.${bound}`);
  }
  const { reason, message } = stream.status?.stream ?? {};
  const last = message === undefined ? '' : ` The last report is ${reason}: ${message.replace(/\.$/, '')}.`;
  return fails('CounterUnavailable', `The agent is not connected to a counter.${last}`);
}

/** What the counter reports of the stream, while it can know. A refusal stays valid without the counter. */
function reportOf({ stream, pool }: Observed) {
  const report = stream.status?.stream;
  if (report === undefined || report.state === 'Disconnected') return undefined;
  if (report.state === 'Refused') return report;
  // A report from before the counter's container was restarted is outdated.
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
