/** What happens by itself: time, cameras, pods that come and go, containers that die, a ring that is full. */
import { dropCall, endOfGroup, keyframesOf } from './agent.ts';
import { absentPod, after, maskOf, podName, type State, type Step, type World } from './state.ts';

export function worldSteps(state: State, world: World): Step[] {
  return [...timePasses(state, world), ...state.pods.flatMap((_, index) => podSteps(state, world, index))];
}

/**
 * The last moment is seen by a pod: no pod has to account for what comes after the last access unit. An empty one
 * follows for a session that has seen nothing yet.
 */
function timePasses(state: State, { scope }: World): Step[] {
  const seeing = state.pods.filter(({ life, sees }) => life === 'up' && sees);
  const waited = state.pods.some(({ life, phase, log, first }) => {
    return life === 'up' && phase !== 'done' && phase !== 'quiet' && log.length < first;
  });
  if (state.clock >= scope.moments ? !waited : state.clock + 1 === scope.moments && seeing.length === 0) return [];
  const moment = state.clock + 1;
  return [
    after(state, `moment ${moment} passes`, (next) => {
      next.clock = moment;
      for (const pod of next.pods) {
        if (pod.life === 'up' && pod.sees) pod.log = [...pod.log, moment];
        else if (pod.life !== 'none') next.excused |= 1 << moment;
      }
    }),
  ];
}

function podSteps(state: State, world: World, index: number): Step[] {
  const { life, phase } = state.pods[index]!;
  if (phase === 'done') return [];
  if (life === 'none' || life === 'dead') return arrivals(state, world, index);
  return [
    ...cameraComes(state, index),
    ...containerDies(state, index),
    ...podDies(state, world, index),
    ...ringIsFull(state, world, index),
  ];
}

/** A pod that died is replaced. A second one comes when the cluster takes the first one for dead, and it is not. */
function arrivals(state: State, { scope }: World, index: number): Step[] {
  const alone = state.pods.every(({ life }) => life === 'none' || life === 'dead');
  const replaces = alone && state.pods[index]!.life === 'dead';
  const second = state.pods[index]!.life === 'none' && state.faults.secondPods > 0;
  if (state.clock >= scope.moments || !(replaces || second)) return [];
  const arrive = (sees: boolean) =>
    after(state, `${podName(index)} starts${sees ? '' : ', and its camera is away'}, after moment ${state.clock}`, (next) => {
      next.sessions += 1;
      next.pods[index] = { ...absentPod, life: 'up', sees, born: next.clock, session: next.sessions };
      if (!replaces) next.faults.secondPods -= 1;
      if (!sees) next.faults.blindStarts -= 1;
    });
  return state.faults.blindStarts > 0 ? [arrive(true), arrive(false)] : [arrive(true)];
}

function cameraComes(state: State, index: number): Step[] {
  const { life, sees } = state.pods[index]!;
  if (sees || life !== 'up') return [];
  return [after(state, `${podName(index)} sees its camera`, (next) => (next.pods[index]!.sees = true))];
}

function containerDies(state: State, index: number): Step[] {
  const { life } = state.pods[index]!;
  if (life === 'down') {
    return [
      after(state, `the container of ${podName(index)} starts again`, (next) => {
        next.pods[index]!.life = 'up';
      }),
    ];
  }
  if (state.faults.containerCrashes === 0) return [];
  return [
    after(state, `the container of ${podName(index)} dies, and its memory is kept`, (next) => {
      next.faults.containerCrashes -= 1;
      dropCall(next, index);
      next.pods[index]!.life = 'down';
    }),
  ];
}

/** Not after the last moment: there would be nothing left to go on with. */
function podDies(state: State, { scope }: World, index: number): Step[] {
  if (state.faults.podCrashes === 0 || state.clock >= scope.moments - 1) return [];
  return [
    after(state, `${podName(index)} dies`, (next) => {
      next.faults.podCrashes -= 1;
      dropCall(next, index);
      next.excused |= maskOf(next.pods[index]!.log);
      next.pods[index] = { ...absentPod, life: 'dead' };
    }),
  ];
}

/** Whole groups of pictures go, the oldest first; the growing one stays. */
function ringIsFull(state: State, { scope }: World, index: number): Step[] {
  const pod = state.pods[index]!;
  const [oldest, second] = keyframesOf(pod, scope.group).filter((keyframe) => keyframe >= pod.ring);
  if (state.faults.evictions === 0 || oldest === undefined || second === undefined) return [];
  return [
    after(state, `the ring of ${podName(index)} is full and drops access units ${oldest} to ${second - 1}`, (next) => {
      next.faults.evictions -= 1;
      next.pods[index]!.ring = second;
      const lost = pod.log.slice(oldest - 1, endOfGroup(pod, oldest, scope.group));
      next.excused |= maskOf(lost);
    }),
  ];
}
