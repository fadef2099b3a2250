/**
 * Processes that are hit at a step of the protocol: each of their lives ends at another one. Which steps follows from the
 * seed, so that trials with seeds in a row go through all of them.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { notesOf } from '../notes.ts';
import { AGENT_POINTS, COUNTER_POINTS, type Order, type Point } from '../points.ts';
import type { Post } from '../supervisor.ts';
import type { Life } from '../process.ts';
import type { Random } from '../random.ts';
import type { Stage } from '../stage.ts';
import type { Fault } from './fault.ts';
import { pass } from './times.ts';

/** In one trial; so that three reach all of the counter's, two all of the agent's, and two all of a zombie's. */
const COUNTER_STEPS = 8;
const AGENT_STEPS = 15;
const ZOMBIE_STEPS = 4;
/** For what a zombie still tries. */
const AFTER_ZOMBIE_UNITS = 20;
/** A life that has not come to its step by then is killed where it is. */
const PATIENCE_SECONDS = 60;

/** Passed once or more for each access unit: any of them will do. */
const FREQUENT: ReadonlySet<Point> = new Set<Point>([
  'hears accessUnit',
  'after accessUnit',
  'before block',
  'half a block',
  'after block',
  'before mark',
  'after mark',
]);
const OFTEN: ReadonlySet<Point> = new Set<Point>([
  'before segment',
  'after segment',
  'hears storeCheckpoint',
  'before checkpoint',
  'before storeCheckpoint',
  'after release',
]);
/** They come about when the agent is told to end. */
const LEAVING: ReadonlySet<Point> = new Set<Point>([
  'before endOfStream',
  'after endOfStream',
  'hears endOfStream',
  'before finished',
  'after finished',
  'hears finished',
]);
/** A zombie's sharpest moments. */
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
    sentence: 'SIGKILL of the counter at a step of the protocol, eight lives in a row',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    orders: (seed, random) => ({ counter: ordersFor(COUNTER_POINTS, COUNTER_STEPS, seed, random), agent: [] }),
    run: (stage, random) => throughLives(stage, stage.counters[0]!.post, random),
  },
  {
    name: 'agent-at-step',
    sentence: 'SIGKILL of the agent at a step of the protocol, fifteen lives in a row',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    orders: (seed, random) => ({ counter: [], agent: ordersFor(AGENT_POINTS, AGENT_STEPS, seed, random) }),
    run: (stage, random) => throughLives(stage, stage.agent, random),
  },
  {
    name: 'zombie-at-step',
    sentence: 'SIGSTOP of the counter at a step, past a takeover, then SIGCONT; four lives in a row',
    source: 'camera',
    ledger: 'folder',
    counters: 2,
    orders: (seed) => ({
      counter: stepsFrom(ZOMBIE_POINTS, seed, ZOMBIE_STEPS).map((point) => ({ point, nth: 1, act: 'stop' })),
      agent: [],
    }),
    run: async (stage, random) => {
      const [stopped, other] = [stage.counters[0]!, stage.counters[1]!];
      for (let { life } = stopped.post; life.order !== undefined; life = stopped.post.life) {
        // The one that was up first may have the stream.
        other.link.refuse();
        while (!hitAt(stage, 'counter', life)) await delay(50, undefined, { signal: stage.signal });
        const { term } = stage;
        other.link.heal();
        // Cut off, it is replaced at once; silent, after some seconds.
        if (random.fraction() < 0.7) stopped.link.refuse();
        await stage.until(() => stage.term > term && stage.serving() === other);
        await pass(stage, random, 0, 2);
        stopped.link.heal();
        life.signal('SIGCONT');
        await stage.counted(stage.progress + AFTER_ZOMBIE_UNITS);
        await stopped.post.kill();
      }
    },
  },
];

function ordersFor(points: readonly Point[], steps: number, seed: number, random: Random): (Order | undefined)[] {
  const chosen = stepsFrom(points, seed, steps);
  // The first life of an agent has no gap to tell of.
  while (chosen[0] === 'before gap' || chosen[0] === 'after gap') chosen.push(chosen.shift()!);
  const most = (point: Point) => (FREQUENT.has(point) ? 30 : OFTEN.has(point) ? 2 : 1);
  return chosen.map((point) => ({ point, nth: random.whole(1, most(point)), act: 'kill' }));
}

/** Trials with seeds in a row go through all of them. */
function stepsFrom(points: readonly Point[], seed: number, steps: number): Point[] {
  return Array.from({ length: steps }, (_, index) => points[(seed * steps + index) % points.length]!);
}

/** Brings about what leads to each life's step, and sees the life end there. */
async function throughLives(stage: Stage, post: Post, random: Random): Promise<void> {
  const of = post === stage.agent ? 'agent' : 'counter';
  const missed = new Set<Point>();
  for (let { life } = post; life.order !== undefined; life = post.life) {
    const { point } = life.order;
    const agent = stage.agent.life;
    const over = new AbortController();
    const waiting = AbortSignal.any([stage.signal, over.signal, AbortSignal.timeout(PATIENCE_SECONDS * 1000)]);
    const led = lead(stage, point, random, waiting)
      .then(() => once(waiting, 'abort'))
      .catch(() => undefined);
    await Promise.race([life.ended, led]);
    over.abort();
    await led;
    stage.signal.throwIfAborted();
    if (!hitAt(stage, of, life)) {
      // On a busy machine an agent that leaves may not see all settled.
      if (!missed.has(point)) await post.repeat(life.order);
      else stage.surprises.push(`two lives of the ${of} did not come to their step: ${point}`);
      missed.add(point);
    }
    if (!life.over) await stage.kill(of, post);
    // One that was told to leave, and could not settle, is missed.
    if (LEAVING.has(point)) await stage.ended(agent);
    stage.agent.refill();
    await stage.until(() => post.life !== life);
  }
}

/** Some steps come about only when somebody is told to end, or was away. */
async function lead(stage: Stage, point: Point, random: Random, signal: AbortSignal): Promise<void> {
  const counting = async () => {
    const { progress } = stage;
    await stage.until(() => stage.progress > progress, signal);
    await pass(stage, random, 0, 1);
    signal.throwIfAborted();
  };
  if (point.endsWith('goAway')) {
    await counting();
    stage.counters[0]!.post.life.signal('SIGTERM');
  } else if (LEAVING.has(point)) {
    await counting();
    await stage.caughtUp(signal);
    stage.agent.life.signal('SIGTERM');
  } else if (point === 'hears gap') {
    await counting();
    await stage.kill('agent', stage.agent);
  }
}

/** Each life has one order. */
function hitAt(stage: Stage, of: 'counter' | 'agent', { order, bornAt }: Life): boolean {
  return notesOf(stage.notes(of), 'acted').some(({ acted, at }) => acted === order?.point && at >= bornAt);
}
