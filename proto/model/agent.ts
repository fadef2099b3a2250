/**
 * The agent: `session.ts`, `uplink/exchange.ts`, `uplink/sending.ts` and `ring/` of the edge agent.
 *
 *   idle ──Hello──▶ greeting ──Welcome──▶ serving ──Finished──▶ done
 *    ▲                 │ Refusal, cut         │ GoAway, Refusal, cut
 *    └─────────────────┴──────────────────────┘
 *   superseded ──▶ quiet ──▶ idle, as a new session
 */
import {
  after,
  absentPod,
  callOf,
  type Checkpoint,
  counterName,
  type DownMessage,
  freeRun,
  type Pod,
  podName,
  type Reader,
  type State,
  type Step,
  type World,
} from './state.ts';

export function agentSteps(state: State, world: World): Step[] {
  return state.pods.flatMap((pod, index) => {
    if (pod.life !== 'up' || pod.phase === 'done') return [];
    if (pod.phase === 'idle') return dials(state, index);
    if (pod.phase === 'quiet') return renewals(state, world, index);
    return [...hears(state, world, index), ...losesCall(state, world, index), ...sends(state, world, index)];
  });
}

/** A counter has room for a stream once: the agent's own old call makes way for its new one. */
function dials(state: State, index: number): Step[] {
  const { session, lastTerm, born } = state.pods[index]!;
  return state.runs.flatMap(({ open, called, pod }, counter) => {
    if ((open || called) && pod !== index) return [];
    return after(state, `${podName(index)} calls ${counterName(counter)}: Hello of session ${session}, last term ${lastTerm}`, (next) => {
      orphanWritesOf(next, counter);
      next.runs[counter] = { ...freeRun, open: true, called: true, pod: index, session, lastTerm, born, phase: 'admitting' };
      next.pods[index]!.phase = 'greeting';
    });
  });
}

/** The counter that waited for an answer is gone; the request is not. */
export function orphanWritesOf(next: State, counter: number): void {
  next.writes = next.writes.map((write) => (write.by === counter ? { ...write, by: -1 } : write));
}

function renewals(state: State, { rules }: World, index: number): Step[] {
  if (state.faults.renewals === 0) return [];
  return [
    after(state, `${podName(index)} begins a new session`, (next) => {
      next.faults.renewals -= 1;
      next.sessions += 1;
      const pod = next.pods[index]!;
      const { log } = pod;
      Object.assign(pod, { phase: 'idle', session: next.sessions, lastTerm: 0, first: log.length + 1, released: 0 } satisfies Partial<Pod>);
      if (rules.otherSessionForgotten) pod.kept = [];
    }),
  ];
}

/** The call is over for the agent; what it sent may still be taken. */
export function dropCall(next: State, index: number): void {
  const pod = next.pods[index]!;
  const call = callOf(next, index);
  const run = next.runs[call];
  if (run !== undefined) next.runs[call] = run.open ? { ...run, called: false, down: [] } : freeRun;
  Object.assign(pod, { phase: 'idle', reader: undefined } satisfies Partial<Pod>);
}

function losesCall(state: State, { rules }: World, index: number): Step[] {
  const run = state.runs[callOf(state, index)]!;
  const over = !run.open && run.down.length === 0;
  if (!over && state.faults.cuts === 0) return [];
  return [
    after(state, `${podName(index)} ${over ? 'finds its call ended' : 'loses its call'}`, (next) => {
      if (!over) next.faults.cuts -= 1;
      dropCall(next, index);
      const pod = next.pods[index]!;
      if (!rules.uncommittedKept) pod.kept = pod.kept.filter(({ account }) => account.position <= pod.released);
    }),
  ];
}

function hears(state: State, world: World, index: number): Step[] {
  const call = callOf(state, index);
  const [message, ...rest] = state.runs[call]!.down;
  if (message === undefined) return [];
  return [
    after(state, `${podName(index)} hears ${spoken(message)}`, (next) => {
      next.runs[call]!.down = rest;
      take(next, world, index, message);
    }),
  ];
}

function take(next: State, world: World, index: number, message: DownMessage): void {
  const pod = next.pods[index]!;
  const run = next.runs[callOf(next, index)]!;
  switch (message.kind) {
    case 'welcome':
      Object.assign(pod, {
        phase: 'serving',
        lastTerm: message.term,
        reader: resumption(pod, message.position, world),
      } satisfies Partial<Pod>);
      break;
    case 'store':
      pod.kept = [...pod.kept, message.checkpoint];
      if (run.open) run.up = [...run.up, { kind: 'stored', serial: message.checkpoint.serial }];
      break;
    case 'release':
      release(pod, message.serial, world);
      break;
    case 'refusal':
      dropCall(next, index);
      if (message.reason === 'superseded') pod.phase = 'quiet';
      break;
    case 'goAway':
      dropCall(next, index);
      break;
    case 'finished':
      dropCall(next, index);
      Object.assign(pod, { ...absentPod, life: 'up', phase: 'done', session: pod.session } satisfies Partial<Pod>);
  }
}

/** Serials are of one call: of two that are the same the newer one is meant. */
function release(pod: Pod, serial: number, { rules, scope }: World): void {
  const settled = pod.kept.findLastIndex((checkpoint) => checkpoint.serial === serial);
  const checkpoint = pod.kept[settled];
  if (checkpoint === undefined) return;
  const { position, time } = checkpoint.account;
  pod.kept = pod.kept.slice(settled);
  pod.released = Math.max(pod.released, position);
  const needed = rules.ringKeepsCheckpoint ? keyframeFor(pod, time, scope.group) : pod.log.length + 1;
  pod.ring = Math.max(pod.ring, needed ?? 0);
}

/** The newest checkpoint at or after what is committed, and the keyframe before it. */
function resumption(pod: Pod, committed: number, { rules, scope }: World): Reader {
  const checkpoint = (rules.resumeChecked ? newestFrom(pod.kept, committed) : pod.kept[0])?.account;
  if (checkpoint === undefined) {
    const position = Math.max(committed, pod.first - 1);
    return { checkpoint, started: false, next: position + 1, group: 0, position, time: pod.log[position - 1] ?? pod.born };
  }
  const next = keyframeFor(pod, checkpoint.time, scope.group) ?? checkpoint.position + 1;
  return { checkpoint, started: false, next, group: 0, position: checkpoint.position, time: checkpoint.time };
}

function newestFrom(kept: readonly Checkpoint[], position: number): Checkpoint | undefined {
  return kept.findLast(({ account }) => account.position >= position);
}

/** The log goes up while there is room on the way. */
function sends(state: State, world: World, index: number): Step[] {
  const { reader, log } = state.pods[index]!;
  const call = callOf(state, index);
  const run = state.runs[call]!;
  if (reader === undefined || !run.open) return [];
  if (run.up.filter(({ kind }) => kind !== 'stored').length >= world.scope.window) return [];
  const pod = state.pods[index]!;
  const within = reader.group > 0 && reader.next <= endOfGroup(pod, reader.group, world.scope.group);
  const group = within ? reader.group : groupAfter(pod, reader, world.scope.group);
  if (group === undefined) {
    if (state.clock < world.scope.moments || log.length < pod.first) return [];
    return [
      after(state, `${podName(index)} sends the end of its log`, (next) => {
        const ended = next.runs[call]!;
        if (!reader.started) ended.up = [...ended.up, { kind: 'resume', account: reader.checkpoint }];
        ended.up = [...ended.up, { kind: 'end' }];
        next.pods[index]!.reader = undefined;
      }),
    ];
  }
  const number = Math.max(reader.next, group);
  const moment = log[number - 1]!;
  return [
    after(state, `${podName(index)} sends access unit ${number}, of moment ${moment}`, (next) => {
      const to = next.runs[call]!;
      if (!reader.started) to.up = [...to.up, { kind: 'resume', account: reader.checkpoint }];
      const gap = group === reader.group ? undefined : gapBefore(pod, reader, group);
      if (gap !== undefined && world.rules.gapsDeclared) to.up = [...to.up, gap];
      to.up = [...to.up, { kind: 'unit', number, moment }];
      const position = Math.max(reader.position, number);
      next.pods[index]!.reader = { ...reader, started: true, next: number + 1, group, position, time: Math.max(reader.time, moment) };
    }),
  ];
}

/** Units were lost, or the camera's own stream broke. */
function gapBefore({ log }: Pod, { position, time }: Reader, group: number) {
  const moment = log[group - 1]!;
  const lost = group > position + 1;
  const broken = group > position && group > 1 && moment > log[group - 2]! + 1;
  return lost || broken ? ({ kind: 'gap', after: position, next: group, from: time, to: moment } as const) : undefined;
}

/** First number of the group that holds the next unit, or of the first one after it that is still there. */
function groupAfter(pod: Pod, { next, started }: Reader, size: number): number | undefined {
  const keyframes = keyframesOf(pod, size).filter((keyframe) => keyframe >= pod.ring);
  const holding = started ? keyframes.findLast((keyframe) => keyframe <= next && next <= endOfGroup(pod, keyframe, size)) : undefined;
  return holding ?? keyframes.find((keyframe) => keyframe >= next);
}

/** Every `size` units, and wherever the camera came back. */
export function keyframesOf({ log }: Pod, size: number): number[] {
  const keyframes: number[] = [];
  for (let number = 1; number <= log.length; number += 1) {
    const last = keyframes.at(-1);
    if (last === undefined || number - last === size || log[number - 1]! > log[number - 2]! + 1) keyframes.push(number);
  }
  return keyframes;
}

export function endOfGroup(pod: Pod, keyframe: number, size: number): number {
  return (keyframesOf(pod, size).find((other) => other > keyframe) ?? pod.log.length + 1) - 1;
}

function keyframeFor(pod: Pod, time: number, size: number): number | undefined {
  return keyframesOf(pod, size).findLast((keyframe) => keyframe >= pod.ring && pod.log[keyframe - 1]! <= time);
}

function spoken(message: DownMessage): string {
  switch (message.kind) {
    case 'welcome':
      return `Welcome to term ${message.term}, position ${message.position}`;
    case 'store':
      return `StoreCheckpoint ${message.checkpoint.serial}, of position ${message.checkpoint.account.position}`;
    case 'release':
      return `Release ${message.serial}`;
    case 'refusal':
      return `Refusal: ${message.reason}`;
    default:
      return message.kind === 'goAway' ? 'GoAway' : 'Finished';
  }
}
