/** Processes that are killed, stopped, or sent away. */
import { rm } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, nameOf } from '../../machine/processes.ts';
import type { Stage } from '../stage.ts';
import type { Fault } from './fault.ts';
import { atInstants, pass, refused } from './times.ts';

const MOVES = 8;
const PATIENCE_SECONDS = 10;

export const processFaults: readonly Fault[] = [
  {
    name: 'counter-killed',
    sentence: 'SIGKILL of the counter that serves; another one is there; the camera codes with B-frames',
    source: 'camera',
    reordered: true,
    ledger: 'folder',
    counters: 2,
    run: (stage, random) => atInstants(stage, 'camera', random, () => stage.kill('counter', stage.serving().post)),
  },
  {
    name: 'counter-restarted',
    sentence: 'SIGKILL of the only counter, and it is started again',
    source: 'file',
    ledger: 'folder',
    counters: 1,
    run: (stage, random) => atInstants(stage, 'file', random, () => stage.kill('counter', stage.serving().post)),
  },
  {
    name: 'agent-killed',
    sentence: "SIGKILL of the agent's container: its memory stays",
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
        await Promise.all([stage.kill('agent', stage.agent), stage.kill('counter', stage.serving().post)]);
      }),
  },
  {
    name: 'memory-lost',
    sentence: 'the agent is killed and its memory is gone with it: another session, and a declared gap',
    losesEvents: 'perhaps',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    run: async (stage, random) => {
      await stage.counted(random.whole(5, 80));
      await pass(stage, random, 0, 0.2);
      stage.kills.push({ of: 'agent', at: Date.now() });
      await stage.agent.hold();
      await rm(stage.ring, { recursive: true, force: true });
      stage.sessionLost();
      stage.agent.refill();
    },
  },
  {
    name: 'agent-returns',
    sentence: 'SIGSTOP of the agent until another one, with a memory of its own, is served; then SIGCONT: it is superseded',
    losesEvents: 'perhaps',
    source: 'camera',
    ledger: 'folder',
    counters: 1,
    run: async (stage, random) => {
      await stage.counted(random.whole(40, 80));
      const { term } = stage;
      stage.agent.life.signal('SIGSTOP');
      const replaced = stage.replaceAgent();
      await stage.until(() => stage.term > term);
      await pass(stage, random, 0, 3);
      replaced.life.signal('SIGCONT');
      await refused(stage, 'SUPERSEDED');
      await pass(stage, random, 0, 2);
      // A minute later it would begin a session of its own.
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
    sentence: 'SIGSTOP of the counter past a takeover, then SIGCONT',
    source: 'file',
    ledger: 'folder',
    counters: 2,
    run: (stage, random) => stopPastTakeover(stage, random.whole(1, 400), () => pass(stage, random, 0, 2)),
  },
  {
    name: 'zombie-at-server',
    sentence: 'as zombie, with the API server as ledger',
    source: 'file',
    ledger: 'server',
    counters: 2,
    run: (stage, random) => stopPastTakeover(stage, random.whole(1, 400), () => pass(stage, random, 0, 3)),
  },
  {
    name: 'moving-pool',
    sentence: 'the counter that serves is told to end, and started again; a second after the other one has the stream, that one',
    source: 'file',
    ledger: 'folder',
    counters: 2,
    run: async (stage, random) => {
      await stage.counted(random.whole(1, 100));
      const before = stage.term;
      for (let move = 0; move < MOVES && !stage.agent.life.over; move += 1) {
        const { term } = stage;
        stage.serving().post.life.signal('SIGTERM');
        await stage.until(() => stage.term > term || stage.agent.life.over);
        await pass(stage, random, 1, 1);
      }
      if (stage.term === before) stage.surprises.push('the stream did not move');
    },
  },
];

/** One that is just being replaced is waited for. */
async function killChildren(stage: Stage, chosen: (name: string) => boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE_SECONDS * 1000; performance.now() < end;) {
    if (childrenOf(stage.serving().post.life.pid).filter((child) => killIf(child, chosen)).length > 0) return;
    await delay(20, undefined, { signal: stage.signal });
  }
  stage.surprises.push('nothing was killed');
}

function killIf(child: number, chosen: (name: string) => boolean): boolean {
  try {
    return chosen(nameOf(child)) && process.kill(child, 'SIGKILL');
  } catch {
    // It has ended by itself.
    return false;
  }
}

async function stopPastTakeover(stage: Stage, instant: number, wait: () => Promise<void>): Promise<void> {
  await stage.counted(instant);
  const stopped = stage.serving();
  const { term } = stage;
  stopped.post.life.signal('SIGSTOP');
  await stage.until(() => stage.term > term);
  await wait();
  stopped.post.life.signal('SIGCONT');
}
