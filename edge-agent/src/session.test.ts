/** An agent's session against counters that the test plays, over real gRPC: who is dialed when, and what is replayed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { createLog } from '#proto/log.ts';
import { createMetrics } from '#proto/metrics.ts';
import { type CounterCall, dialCounting, serveCounting } from '#proto/protocol.ts';
import type { Camera, CameraItem } from './camera/camera.ts';
import { Checkpoints } from './ring/checkpoints.ts';
import { FileRecording } from './ring/file.ts';
import { Refused, runSession, type Session } from './session.ts';
import { Site } from './site/site.ts';
import { rankCounters } from './uplink/ranking.ts';

const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 640, height: 360, decodeDelay: 0 };
const stream = { namespace: 'default', name: 'door', uid: 'u' };

/** 40 access units of 10 a second, a keyframe each second. */
const file: Camera = {
  async *read(): AsyncGenerator<CameraItem> {
    yield { kind: 'codec', codec };
    for (let i = 0; i < 40; i += 1) {
      yield { kind: 'unit', unit: { presentationMicros: i * 100_000, keyframe: i % 10 === 0, data: new Uint8Array(100) } };
    }
  },
};

/** What a counter was told in one call. */
interface Heard {
  session: string;
  lastTerm: number;
  checkpoint: string;
  numbers: number[];
  ended: boolean;
}

type Behaviour = (call: CounterCall, heard: Heard) => Promise<void>;

/** Welcomes, credits everything, and hears the agent until `enough`. */
async function listen(call: CounterCall, heard: Heard, enough: (heard: Heard) => boolean, term = 1, position = 0): Promise<void> {
  for await (const message of call.messages) {
    if (message.kind === 'hello') {
      heard.session = message.value.session;
      heard.lastTerm = message.value.lastTerm;
      await call.send({ welcome: { term, position } });
      await call.send({ credit: { accessUnits: 1000, bytes: 1e9 } });
    } else if (message.kind === 'resume') heard.checkpoint = message.value.checkpoint.toString();
    else if (message.kind === 'accessUnit') heard.numbers.push(message.value.number);
    else if (message.kind === 'endOfStream') heard.ended = true;
    if (enough(heard)) return;
  }
}

async function counter(context: TestContext, behaviour: Behaviour): Promise<{ address: string; calls: Heard[] }> {
  const calls: Heard[] = [];
  const server = await serveCounting('127.0.0.1:0', async (call) => {
    const heard: Heard = { session: '', lastTerm: -1, checkpoint: '', numbers: [], ended: false };
    calls.push(heard);
    await behaviour(call, heard);
  });
  context.after(() => server.stop(50));
  return { address: `127.0.0.1:${server.port}`, calls };
}

const finish: Behaviour = async (call, heard) => {
  await listen(call, heard, ({ ended }) => ended, 2);
  await call.send({ finished: {} });
  await once(call.signal, 'abort');
};

function session(counters: readonly string[], change: Partial<Session> = {}): Session {
  return {
    stream,
    counters,
    dial: dialCounting,
    recording: new FileRecording({ camera: file, pace: () => Promise.resolve(), onUnit: () => undefined }),
    checkpoints: new Checkpoints(),
    site: new Site(stream, createMetrics(), () => 0),
    log: createLog('edge-agent', 'silent'),
    newSessionId: () => crypto.randomUUID(),
    sessionStartMicros: 0,
    exitWhenUnusable: true,
    random: () => 0,
    ...change,
  };
}

const from = (first: number) => Array.from({ length: 41 - first }, (_, i) => first + i);

test('a file is sent whole, and the session ends when everything is committed', { timeout: 10_000 }, async (context) => {
  const { address, calls } = await counter(context, finish);
  await runSession(session([address]), new AbortController().signal);
  assert.deepEqual(calls.map(({ numbers }) => numbers), [from(1)]);
});

test('after a cut the next call resumes from the newest checkpoint, at the keyframe before it', { timeout: 10_000 }, async (context) => {
  let turn = 0;
  const { address, calls } = await counter(context, async (call, heard) => {
    turn += 1;
    if (turn > 1) return finish(call, heard);
    await listen(call, heard, ({ numbers }) => numbers.length === 30);
    await call.send({ storeCheckpoint: { serial: 1, position: 25, presentationMicros: 2_400_000, checkpoint: Buffer.from('state at 25') } });
    for await (const message of call.messages) if (message.kind === 'checkpointStored') break;
    throw new Error('This counter dies.');
  });
  await runSession(session([address]), new AbortController().signal);
  assert.deepEqual([calls[1]!.checkpoint, calls[1]!.lastTerm], ['state at 25', 1]);
  assert.deepEqual(calls[1]!.numbers, from(21), 'the keyframe at 2.0 s is number 21');
  assert.equal(calls[0]!.session, calls[1]!.session);
});

test('a counter that goes away or is full: the next in rank is dialed at once', { timeout: 10_000 }, async (context) => {
  const away: Behaviour = async (call, heard) => {
    await listen(call, heard, ({ numbers }) => numbers.length > 3);
    await call.send({ goAway: { sentence: 'Shutting down.' } });
    await once(call.signal, 'abort');
  };
  const full: Behaviour = async (call) => {
    for await (const message of call.messages) if (message.kind === 'hello') break;
    await call.send({ refusal: { reason: 'FULL', sentence: 'No room.' } });
  };
  const behaviours: Behaviour[] = [away, full, finish];
  const order: string[] = [];
  let next = 0;
  const servers = await Promise.all(
    behaviours.map(async () => {
      const server: { address: string } = await counter(context, async (call, heard) => {
        order.push(server.address);
        await behaviours[next++]!(call, heard);
      });
      return server;
    }),
  );
  const addresses = servers.map(({ address }) => address);
  await runSession(session(addresses), new AbortController().signal);
  assert.deepEqual(order, rankCounters('u', addresses));
});

test('what only the user can mend ends the session in local mode, with the sentence', { timeout: 10_000 }, async (context) => {
  const { address } = await counter(context, async (call) => {
    for await (const message of call.messages) if (message.kind === 'hello') break;
    await call.send({ refusal: { reason: 'MODEL_UNAVAILABLE', sentence: 'There is no model my-own.' } });
  });
  await assert.rejects(runSession(session([address]), new AbortController().signal), (error) => {
    assert.ok(error instanceof Refused);
    assert.equal(error.message, 'There is no model my-own.');
    return true;
  });
});

test('no access unit is sent beyond the credit', { timeout: 10_000 }, async (context) => {
  const { address, calls } = await counter(context, async (call, heard) => {
    let credit = 5;
    for await (const message of call.messages) {
      if (message.kind === 'hello') {
        await call.send({ welcome: { term: 1, position: 0 } });
        await call.send({ credit: { accessUnits: credit, bytes: 1e6 } });
      } else if (message.kind === 'accessUnit') {
        heard.numbers.push(message.value.number);
        assert.ok(heard.numbers.length <= credit, `${heard.numbers.length} of ${credit}`);
        if (heard.numbers.length < credit) continue;
        credit += 5;
        await call.send({ credit: { accessUnits: credit, bytes: 1e6 } });
      } else if (message.kind === 'endOfStream') break;
    }
    await call.send({ finished: {} });
    await once(call.signal, 'abort');
  });
  await runSession(session([address]), new AbortController().signal);
  assert.deepEqual(calls[0]!.numbers, from(1));
});
