/** Events over the terms of a stream: the next term knows how far they were delivered. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { StreamEvent } from '#crds/events.ts';
import type { Receiver } from './events/receiver.ts';
import { type Clip, readClip } from './fixtures/clip.ts';
import { plainDoor as door, plainService } from './fixtures/plain-service.ts';
import { PlayedAgent } from './fixtures/played-agent.ts';

const BEGAN_MICROS = 1_767_225_600_000_000;

let clip: Clip;
before(async () => {
  clip = await readClip();
});

class Inbox implements Receiver {
  readonly name = 'inbox';
  readonly got: StreamEvent[] = [];

  deliver(events: readonly StreamEvent[]): Promise<void> {
    this.got.push(...events);
    return Promise.resolve();
  }

  get ids(): string[] {
    return this.got.map(({ id }) => id.replace(`${door.uid}/`, ''));
  }
}

async function count(port: number, session: string): Promise<void> {
  const agent = new PlayedAgent(port, door, { session, sessionStartMicros: BEGAN_MICROS });
  agent.resume(clip);
  await agent.send(clip, 20);
  agent.end();
  await agent.until(({ finished }) => finished);
}

/** What an agent and a counter have left that died together. */
const left = {
  session: 's0',
  position: 10,
  time: new Date(BEGAN_MICROS / 1000 - 60_000).toISOString(),
  in: 3,
  out: 1,
  inside: 2,
  lines: [],
  zones: [],
  observedSeconds: 1,
  gaps: { count: 0, seconds: 0 },
};

test('a term that finds events undelivered in the ledger, and no checkpoint, declares them lost', async (context) => {
  const { port, ledger, receivers } = await plainService(context);
  const inbox = new Inbox();
  receivers.push(inbox);
  const writer = await ledger.claim(door, await ledger.read(door), 's0');
  await writer.commit({ ...left, delivered: { crossings: 1, gaps: 0 } });
  await count(port, 's1');
  assert.deepEqual(inbox.ids, ['loss/crossing/2-4', 'gap/1']);
  assert.deepEqual((await ledger.read(door)).counts?.delivered, { crossings: 4, gaps: 1 }, 'the last write of a stream has the cursor');
});

test('where there was no receiver before, nothing is lost: delivery begins with the next event', async (context) => {
  const { port, ledger, receivers } = await plainService(context);
  const inbox = new Inbox();
  receivers.push(inbox);
  const writer = await ledger.claim(door, await ledger.read(door), 's0');
  await writer.commit(left);
  await count(port, 's1');
  assert.deepEqual(inbox.ids, ['gap/1']);
});

test('without receivers the ledger has no cursor', async (context) => {
  const { port, ledger } = await plainService(context);
  await count(port, 's1');
  assert.equal((await ledger.read(door)).counts?.delivered, undefined);
});
