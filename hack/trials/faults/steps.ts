/**
 * Kills or stops processes at steps of the protocol, each process at another step. The seed chooses the steps, so that
 * trials with consecutive seeds reach all of them.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { notesOf } from '../notes.ts';
import { AGENT_POINTS, COUNTER_POINTS, type Order, type Point } from '../points.ts';
import type { Supervisor } from '../supervisor.ts';
import type { Life } from '../process.ts';
import type { Random } from '../../machine/random.ts';
import type { Stage } from '../stage.ts';
import type { Fault } from './fault.ts';
import { pauseBetween } from './times.ts';

/** Steps in one trial: three trials reach all steps of the counter, two all of the agent, two all of a zombie. */
const COUNTER_STEPS = 8;
const AGENT_STEPS = 15;
const ZOMBIE_STEPS = 4;
/** Long enough for a zombie's further attempts to write. */
const AFTER_ZOMBIE_UNITS = 20;
/** A process that has not reached its step by then is killed where it is. */
const PATIENCE_SECONDS = 60;

/** Points that a process passes at least once for each access unit. */
const FREQUENT: ReadonlySet<Point> = new Set<Point>([
  'hears accessUnit',
  'after accessUnit',
  'before block',
  'half a block',
  'after block',
  'before mark',
  'after mark',
]);
/** Points that a process passes with each segment or checkpoint. */
const OFTEN: ReadonlySet<Point> = new Set<Point>([
  'before segment',
  'after segment',
  'hears storeCheckpoint',
  'before checkpoint',
  'before storeCheckpoint',
  'after release',
]);
/** Points that a process passes only when the agent is told to end. */
const LEAVING: ReadonlySet<Point> = new Set<Point>([
  'before endOfStream',
  'after endOfStream',
  'hears endOfStream',
  'before finished',
  'after finished',
  'hears finished',
]);
/** Where a stopped counter can do most harm after a takeover. */
export const ZOMBIE_POINTS: readonly Point[] = [
  'before commit',
  'ledger file not in place',
  'after commit',
  'before claim',
  'after claim',
  'hears checkpointStored',
  'before release',
  'before welcome',
];

export const stepFaults: readonly Fault[] = [
  {
    name: 'counter-at-step',
    sentence: 'SIGKILL of eight counters in a row, each at a step of the protocol',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    orders: (seed, random) => ({ counter: ordersFor(COUNTER_POINTS, COUNTER_STEPS, seed, random), agent: [] }),
    run: (stage, random) => killAtSteps(stage, stage.counters[0]!.supervisor, random),
  },
  {
    name: 'agent-at-step',
    sentence: 'SIGKILL of fifteen agents in a row, each at a step of the protocol',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    orders: (seed, random) => ({ counter: [], agent: ordersFor(AGENT_POINTS, AGENT_STEPS, seed, random) }),
    run: (stage, random) => killAtSteps(stage, stage.agent, random),
  },
  {
    name: 'zombie-at-step',
    sentence: 'SIGSTOP of four counters in a row, each at a step until another one has taken over, then SIGCONT',
    source: 'camera',
    ledger: 'folder',
    counters: 2,
    orders: (seed) => ({
      counter: stepsFrom(ZOMBIE_POINTS, seed, ZOMBIE_STEPS).map((point) => ({ point, nth: 1, act: 'stop' })),
      agent: [],
    }),
    run: async (stage, random) => {
      const [stopped, other] = [stage.counters[0]!, stage.counters[1]!];
      for (let { life } = stopped.supervisor; life.order !== undefined; life = stopped.supervisor.life) {
        // The other counter may have started first and taken the stream.
        other.link.refuse();
        while (!wasHit(stage, 'counter', life)) await delay(50, undefined, { signal: stage.signal });
        const { term } = stage;
        other.link.heal();
        // The agent leaves a counter that refuses connections at once, and a silent one after some seconds.
        if (random.fraction() < 0.7) stopped.link.refuse();
        await stage.until(() => stage.term > term && stage.servingCounter() === other);
        await pauseBetween(stage, random, 0, 2);
        stopped.link.heal();
        life.signal('SIGCONT');
        await stage.untilCounted(stage.progress + AFTER_ZOMBIE_UNITS);
        await stopped.supervisor.kill();
      }
    },
  },
];

function ordersFor(points: readonly Point[], steps: number, seed: number, random: Random): (Order | undefined)[] {
  const chosen = stepsFrom(points, seed, steps);
  // The first agent has no gap to declare.
  while (chosen[0] === 'before gap' || chosen[0] === 'after gap') chosen.push(chosen.shift()!);
  const most = (point: Point) => (FREQUENT.has(point) ? 30 : OFTEN.has(point) ? 2 : 1);
  return chosen.map((point) => ({ point, nth: random.whole(1, most(point)), act: 'kill' }));
}

/** Consecutive seeds reach all points. */
function stepsFrom(points: readonly Point[], seed: number, steps: number): Point[] {
  return Array.from({ length: steps }, (_, index) => points[(seed * steps + index) % points.length]!);
}

/** Leads each process to its step, and waits until it ends there. */
async function killAtSteps(stage: Stage, supervisor: Supervisor, random: Random): Promise<void> {
  const of = supervisor === stage.agent ? 'agent' : 'counter';
  const missed = new Set<Point>();
  for (let { life } = supervisor; life.order !== undefined; life = supervisor.life) {
    const { point } = life.order;
    const agent = stage.agent.life;
    const over = new AbortController();
    const waiting = AbortSignal.any([stage.signal, over.signal, AbortSignal.timeout(PATIENCE_SECONDS * 1000)]);
    const led = leadTo(stage, point, random, waiting)
      .then(() => once(waiting, 'abort'))
      .catch(() => undefined);
    await Promise.race([life.ended, led]);
    over.abort();
    await led;
    stage.signal.throwIfAborted();
    if (!wasHit(stage, of, life)) {
      // On a busy machine an agent that is told to end may not wait for the last commit.
      if (!missed.has(point)) await supervisor.repeat(life.order);
      else stage.unexpected.push(`two processes of the ${of} did not reach their step: ${point}`);
      missed.add(point);
    }
    if (!life.over) await stage.kill(of, supervisor);
    // Another agent must replace one that was told to end.
    if (LEAVING.has(point)) await stage.untilEnded(agent);
    stage.agent.resume();
    await stage.until(() => supervisor.life !== life);
  }
}

/** Causes a step that a process reaches only when agent or counter is told to end, or an agent was killed. */
async function leadTo(stage: Stage, point: Point, random: Random, signal: AbortSignal): Promise<void> {
  const counting = async () => {
    const { progress } = stage;
    await stage.until(() => stage.progress > progress, signal);
    await pauseBetween(stage, random, 0, 1);
    signal.throwIfAborted();
  };
  if (point.endsWith('goAway')) {
    await counting();
    stage.counters[0]!.supervisor.life.signal('SIGTERM');
  } else if (LEAVING.has(point)) {
    await counting();
    await stage.untilCaughtUp(signal);
    stage.agent.life.signal('SIGTERM');
  } else if (point === 'hears gap') {
    await counting();
    await stage.kill('agent', stage.agent);
  }
}

/** Whether the process has carried out its order; each process has one. */
function wasHit(stage: Stage, of: 'counter' | 'agent', { order, bornAt }: Life): boolean {
  return notesOf(stage.notes(of), 'acted').some(({ acted, at }) => acted === order?.point && at >= bornAt);
}
