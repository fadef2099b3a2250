/** Faults of processes: killed, stopped, or told to end. */
import { rm } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, nameOf } from '../../machine/processes.ts';
import type { Stage } from '../stage.ts';
import type { Fault } from './fault.ts';
import { atInstants, pauseBetween, untilRefused } from './times.ts';

const MOVES = 8;
const PATIENCE_SECONDS = 10;

export const processFaults: readonly Fault[] = [
  {
    name: 'counter-killed',
    sentence: 'SIGKILL of the serving counter while another one runs; the camera encodes with B-frames',
    source: 'camera',
    reordered: true,
    ledger: 'folder',
    counters: 2,
    run: (stage, random) => atInstants(stage, 'camera', random, () => stage.kill('counter', stage.servingCounter().supervisor)),
  },
  {
    name: 'counter-restarted',
    sentence: 'SIGKILL of the only counter, which is started again',
    source: 'file',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) => atInstants(stage, 'file', random, () => stage.kill('counter', stage.servingCounter().supervisor)),
  },
  {
    name: 'agent-killed',
    sentence: "SIGKILL of the agent's container: its ring stays",
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) => atInstants(stage, 'camera', random, () => stage.kill('agent', stage.agent)),
  },
  {
    name: 'both-killed',
    sentence: 'SIGKILL of agent and counter at once',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) =>
      atInstants(stage, 'camera', random, async () => {
        await Promise.all([stage.kill('agent', stage.agent), stage.kill('counter', stage.servingCounter().supervisor)]);
      }),
  },
  {
    name: 'memory-lost',
    sentence: 'SIGKILL of the agent, and its ring is lost: another session, and a declared gap',
    losesEvents: 'perhaps',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(5, 80));
      await pauseBetween(stage, random, 0, 0.2);
      stage.kills.push({ of: 'agent', at: Date.now() });
      await stage.agent.suspend();
      await rm(stage.ring, { recursive: true, force: true });
      stage.loseSession();
      stage.agent.resume();
    },
  },
  {
    name: 'agent-returns',
    sentence: 'SIGSTOP of the agent until another one, with a ring of its own, is served; then SIGCONT: it is superseded',
    losesEvents: 'perhaps',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(40, 80));
      const { term } = stage;
      stage.agent.life.signal('SIGSTOP');
      const replaced = stage.replaceAgent();
      await stage.until(() => stage.term > term);
      await pauseBetween(stage, random, 0, 3);
      replaced.life.signal('SIGCONT');
      await untilRefused(stage, 'SUPERSEDED');
      await pauseBetween(stage, random, 0, 2);
      // After a minute it would begin a new session.
      await replaced.close();
    },
  },
  {
    name: 'decoder-killed',
    sentence: "SIGKILL of the counter's ffmpeg",
    source: 'file',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) => atInstants(stage, 'file', random, () => killChildren(stage, (name) => name === 'ffmpeg')),
  },
  {
    name: 'inference-killed',
    sentence: 'SIGKILL of the process that runs the model',
    source: 'file',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) => atInstants(stage, 'file', random, () => killChildren(stage, (name) => name !== 'ffmpeg')),
  },
  {
    name: 'zombie',
    sentence: 'SIGSTOP of the counter until another one has taken over, then SIGCONT',
    source: 'file',
    ledger: 'folder',
    counters: 2,
    run: (stage, random) => stopPastTakeover(stage, random.whole(1, 400), () => pauseBetween(stage, random, 0, 2)),
  },
  {
    name: 'zombie-at-server',
    sentence: 'as zombie, with the API server as ledger',
    source: 'file',
    ledger: 'server',
    counters: 2,
    run: (stage, random) => stopPastTakeover(stage, random.whole(1, 400), () => pauseBetween(stage, random, 0, 3)),
  },
  {
    name: 'moving-pool',
    sentence: 'SIGTERM of the serving counter, again and again, a second after each move of the stream',
    source: 'file',
    ledger: 'folder',
    counters: 2,
    run: async (stage, random) => {
      await stage.untilCounted(random.whole(1, 100));
      const before = stage.term;
      for (let move = 0; move < MOVES && !stage.agent.life.over; move += 1) {
        const { term } = stage;
        stage.servingCounter().supervisor.life.signal('SIGTERM');
        await stage.until(() => stage.term > term || stage.agent.life.over);
        await pauseBetween(stage, random, 1, 1);
      }
      if (stage.term === before) stage.unexpected.push('the stream did not move');
    },
  },
];

/** Waits for children that are being replaced. */
async function killChildren(stage: Stage, chosen: (name: string) => boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE_SECONDS * 1000; performance.now() < end;) {
    if (childrenOf(stage.servingCounter().supervisor.life.pid).filter((child) => killIf(child, chosen)).length > 0) return;
    await delay(20, undefined, { signal: stage.signal });
  }
  stage.unexpected.push('nothing was killed');
}

function killIf(child: number, chosen: (name: string) => boolean): boolean {
  try {
    return chosen(nameOf(child)) && process.kill(child, 'SIGKILL');
  } catch {
    // The child has ended by itself.
    return false;
  }
}

async function stopPastTakeover(stage: Stage, instant: number, wait: () => Promise<void>): Promise<void> {
  await stage.untilCounted(instant);
  const stopped = stage.servingCounter();
  const { term } = stage;
  stopped.supervisor.life.signal('SIGSTOP');
  await stage.until(() => stage.term > term);
  await wait();
  stopped.supervisor.life.signal('SIGCONT');
}
