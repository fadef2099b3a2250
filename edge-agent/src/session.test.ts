/** An agent's session against counters that the test plays, over real gRPC: which are dialed when, and what is replayed. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { dialCounting } from '#proto/wire/client.ts';
import { file } from './fixtures/camera.ts';
import { type Behaviour, closed, counter, finish, listen } from './fixtures/counter.ts';
import { swallowing } from './fixtures/swallowing.ts';
import { Checkpoints } from './ring/checkpoints.ts';
import { FileRecording } from './ring/file.ts';
import { SessionState } from './ring/session-state.ts';
import { runSession, type Session, StreamRefused } from './session.ts';
import { observeSession } from './site/observe-session.ts';
import { Site } from './site/site.ts';
import { NamedCounters } from './uplink/directory.ts';
import { rankCounters } from './uplink/ranking.ts';

const stream = { namespace: 'default', name: 'door', uid: 'u' };
const never = new AbortController().signal;

const site = () => new Site(stream, createMetrics(), () => 0);
const observe = (shown: Site) => observeSession(shown, createLog('edge-agent', 'silent'));

function directoryOf(...counters: string[]): NamedCounters {
  return new NamedCounters({ counters, onLookup: () => undefined });
}

function session(counters: readonly string[], change: Partial<Session> = {}): Session {
  return {
    stream,
    directory: directoryOf(...counters),
    dial: dialCounting,
    recording: new FileRecording({ camera: file, pace: () => Promise.resolve(), onUnit: () => undefined }),
    checkpoints: new Checkpoints(),
    observer: observe(site()),
    state: new SessionState({
      facts: { id: crypto.randomUUID(), lastTerm: 0, firstNumber: 1 },
      startMicros: 0,
      newId: () => crypto.randomUUID(),
      save: () => undefined,
    }),
    exitWhenUnusable: true,
    random: () => 0,
    ...change,
  };
}

const from = (first: number) => Array.from({ length: 41 - first }, (_, i) => first + i);

test('a file is sent whole, and the session ends when everything is committed', { timeout: 10_000 }, async (context) => {
  const { address, calls } = await counter(context, finish);
  await runSession(session([address]), never);
  assert.deepEqual(
    calls.map(({ numbers }) => numbers),
    [from(1)],
  );
});

test('after a cut the next call resumes from the newest checkpoint, at the keyframe before it', { timeout: 10_000 }, async (context) => {
  let turn = 0;
  const { address, calls } = await counter(context, async (call, heard) => {
    turn += 1;
    if (turn > 1) return finish(call, heard);
    await listen(call, heard, ({ numbers }) => numbers.length === 30);
    await call.send({
      storeCheckpoint: { serial: 1, position: 25, presentationMicros: 2_400_000, checkpoint: Buffer.from('state at 25') },
    });
    for await (const message of call.messages) if (message.kind === 'checkpointStored') break;
    throw new Error('This counter dies.');
  });
  await runSession(session([address]), never);
  assert.deepEqual([calls[1]!.checkpoint, calls[1]!.lastTerm], ['state at 25', 1]);
  assert.deepEqual(calls[1]!.numbers, from(21), 'the keyframe at 2.0 s is number 21');
  assert.equal(calls[0]!.session, calls[1]!.session);
});

test('a counter that goes away or is full: the next in rank is dialed at once', { timeout: 10_000 }, async (context) => {
  const away: Behaviour = async (call, heard) => {
    await listen(call, heard, ({ numbers }) => numbers.length > 3);
    await call.send({ goAway: { sentence: 'Shutting down.' } });
    await closed(call);
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
  await runSession(session(addresses), never);
  assert.deepEqual(order, rankCounters('u', addresses));
});

test('a superseded agent is silent for a while, then begins another session', { timeout: 10_000 }, async (context) => {
  const times: number[] = [];
  const checkpoints = new Checkpoints();
  checkpoints.store({ serial: 1, position: 20, presentationMicros: 1_900_000, state: Buffer.from('of the session before') });
  const behaviours: Behaviour[] = [
    async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 5, { term: 3 });
      await call.send({ goAway: { sentence: 'Shutting down.' } });
      await closed(call);
    },
    async (call, heard) => {
      for await (const message of call.messages) {
        if (message.kind !== 'hello') continue;
        Object.assign(heard, { session: message.value.session, lastTerm: message.value.lastTerm });
        break;
      }
      times.push(performance.now());
      await call.send({ refusal: { reason: 'SUPERSEDED', sentence: 'Another session has taken the stream over.' } });
    },
    async (call, heard) => {
      times.push(performance.now());
      await finish(call, heard);
    },
  ];
  const { address, calls } = await counter(context, (call, heard) => behaviours[calls.length - 1]!(call, heard));
  await runSession(session([address], { checkpoints, quietSeconds: 0.5, exitWhenUnusable: false }), never);
  const [first, second, third] = calls;
  assert.deepEqual([second!.session, second!.lastTerm], [first!.session, 3]);
  assert.ok(times[1]! - times[0]! >= 480, `it came back after ${times[1]! - times[0]!} ms`);
  assert.notEqual(third!.session, first!.session);
  assert.deepEqual([third!.lastTerm, third!.checkpoint], [0, ''], 'nothing is left of the session before');
});

test('a refusal that only the user can fix ends the session in local mode, with its sentence', { timeout: 10_000 }, async (context) => {
  const { address } = await counter(context, async (call) => {
    for await (const message of call.messages) if (message.kind === 'hello') break;
    await call.send({ refusal: { reason: 'MODEL_UNAVAILABLE', sentence: 'There is no model my-own.' } });
  });
  await assert.rejects(runSession(session([address]), never), (error) => {
    assert.ok(error instanceof StreamRefused);
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
    await closed(call);
  });
  await runSession(session([address]), never);
  assert.deepEqual(calls[0]!.numbers, from(1));
});

/** Two addresses, of which this stream ranks `first` first. */
async function deadAndAlive(context: TestContext, make: () => Promise<string>, behaviour: Behaviour) {
  for (;;) {
    const [dead, { address: alive, calls }] = await Promise.all([make(), counter(context, behaviour)]);
    if (rankCounters('u', [dead, alive])[0] === dead) return { dead, alive, calls };
  }
}

test(
  'an address that never answers is given up after the time for a greeting, and the next one serves',
  { timeout: 20_000 },
  async (context) => {
    const { dead, alive, calls } = await deadAndAlive(context, () => swallowing(context), finish);
    const dialed: string[] = [];
    const dial: Session['dial'] = (address, signal) => {
      dialed.push(address);
      return dialCounting(address, signal);
    };
    await runSession(session([alive, dead], { dial, greetingSeconds: 0.3 }), never);
    assert.deepEqual(dialed, [dead, alive]);
    assert.deepEqual(calls[0]!.numbers, from(1));
  },
);

test(
  'a name that stands for no address, then for a dead one, then for a counter: a sentence each time, and served at last',
  { timeout: 20_000 },
  async (context) => {
    const { address, calls } = await counter(context, finish);
    const [, port] = address.split(':');
    const shown = site();
    shown.showCamera({ connected: true, units: 1, bytes: 1, connects: 1, fault: undefined });
    const answers = [[], [], ['127.0.0.2'], ['127.0.0.1']];
    const sentences: (string | undefined)[] = [];
    const directory = new NamedCounters({
      counters: [`pool.svc:${port}`],
      resolve: () => {
        sentences.push(shown.unready());
        return Promise.resolve(answers.shift() ?? ['127.0.0.1']);
      },
      onLookup: (result) => shown.countLookup(result),
    });
    const dial: Session['dial'] = (at, signal) => dialCounting(at.replace(/^127\.0\.0\.2:.*/, '127.0.0.1:1'), signal);
    await runSession(session([], { directory, observer: observe(shown), dial }), never);
    assert.deepEqual(calls[0]!.numbers, from(1));
    const noAddress = `No counter answers at pool.svc:${port}: the name stands for no address.`;
    assert.deepEqual(sentences.slice(0, 3), ['No counter serves the stream yet.', noAddress, noAddress]);
    assert.match(sentences[3] ?? '', /^No counter answers at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  },
);

test('a counter that dies in service is dialed again only after the others', { timeout: 20_000 }, async (context) => {
  const dies: Behaviour = async (call, heard) => {
    await listen(call, heard, ({ numbers }) => numbers.length > 3);
    throw new Error('This counter dies.');
  };
  const order: string[] = [];
  let calls = 0;
  const servers = await Promise.all(
    [1, 2].map(async () => {
      const server: { address: string } = await counter(context, (call, heard) => {
        order.push(server.address);
        return (calls += 1) < 4 ? dies(call, heard) : finish(call, heard);
      });
      return server.address;
    }),
  );
  await runSession(session(servers), never);
  const [first, second] = rankCounters('u', servers);
  assert.deepEqual(order, [first, second, first, second]);
});

test('an agent that leaves has its call settled, and dials no other counter', { timeout: 20_000 }, async (context) => {
  const leaving = new AbortController();
  const { address, calls } = await counter(context, async (call, heard) => {
    await listen(call, heard, ({ numbers }) => numbers.length === 10, { accessUnits: 10 });
    leaving.abort();
    await call.send({ credit: { accessUnits: 1000, bytes: 1e9 } });
    await listen(call, heard, ({ end }) => end !== undefined);
    await call.send({ finished: {} });
    await closed(call);
  });
  const leaver = session([address]);
  await Promise.all([leaver.recording.run(leaving.signal), runSession(leaver, leaving.signal)]);
  assert.equal(calls.length, 1);
  assert.equal(calls[0]!.end?.paused, true);
  assert.equal(calls[0]!.end?.lastNumber, calls[0]!.numbers.at(-1));
});

test('an agent that leaves while it waits for a counter ends at once', { timeout: 5000 }, async () => {
  const leaving = new AbortController();
  const shown = site();
  shown.showCamera({ connected: true, units: 1, bytes: 1, connects: 1, fault: undefined });
  const directory = new NamedCounters({
    counters: ['pool.svc:1'],
    resolve: () => {
      // The second time the first wait is over; the next may take 15 s.
      if (shown.unready() !== 'No counter serves the stream yet.') setImmediate(() => leaving.abort());
      return Promise.resolve([]);
    },
    onLookup: () => undefined,
  });
  await runSession(session([], { directory, observer: observe(shown), random: () => 0.9 }), leaving.signal);
});
