/** What strangers and broken agents send a counter: each is refused in a sentence or cut, and a legal stream counts on beside it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, suite, test, type TestContext } from 'node:test';
import { asBuffer, codecToMessage } from '#proto/wire/codec.ts';
import type { AgentMessage } from '#proto/wire/protocol.ts';
import { until } from '../../hack/machine/until.ts';
import { type Clip, readClip } from './fixtures/clip.ts';
import { plainDoor as door, plainService } from './fixtures/plain-service.ts';
import { PlayedAgent } from './fixtures/played-agent.ts';
import { callRaw, connectRaw, connectSession, framed, openRaw } from './fixtures/raw-caller.ts';

let clip: Clip;
before(async () => {
  clip = await readClip();
});

const unit = (number: number, change: object = {}): AgentMessage => {
  const { data, ...rest } = clip.units[number - 1]!;
  return { accessUnit: { ...rest, number, data: asBuffer(data), ...change } };
};
const gap = (change: object): AgentMessage => ({
  gap: { after: 0, next: 1, fromMicros: 0, toMicros: 0, reason: 'CAMERA_LOST', ...change },
});
const resume = (codec: object = {}, checkpoint: object | string = ''): AgentMessage => ({
  resume: {
    codec: { ...codecToMessage(clip.codec), ...codec },
    checkpoint: Buffer.from(typeof checkpoint === 'string' ? checkpoint : JSON.stringify(checkpoint)),
  },
});
const repeated = (message: AgentMessage, times: number) => Array.from({ length: times }, () => message);

const refused: Record<string, { says: () => AgentMessage[]; sentence: RegExp }> = {
  'video before its resume': { says: () => [unit(1)], sentence: /sent accessUnit where its resume belongs/ },
  'a second hello': { says: () => [resume(), { hello: { stream: door, session: 's2' } }], sentence: /sent hello in the middle/ },
  'a number that does not follow': { says: () => [resume(), unit(1), unit(3)], sentence: /3 came after 1 without a gap/ },
  'an access unit 0': { says: () => [resume(), unit(1, { number: 0 })], sentence: /no access unit 0/ },
  'a time before the session': { says: () => [resume(), unit(1, { presentationMicros: -5 })], sentence: /cannot be of the time -5/ },
  'times that go back': { says: () => [resume(), unit(1, { presentationMicros: 90e6 }), unit(2)], sentence: /goes back by 90 s/ },
  'a gap that goes nowhere': { says: () => [resume(), gap({ after: 7, next: 7 })], sentence: /no gap from 7 to 7/ },
  'a gap for a reason of its own': { says: () => [resume(), gap({ reason: 77 })], sentence: /has an unknown reason/ },
  'gaps without end': {
    says: () => [resume(), ...repeated(gap({}), 1000)],
    sentence: /more than 200 messages at once/,
  },
  'more than its credit': {
    says: () => [resume(), ...clip.units.map((_, index) => unit(index + 1))],
    sentence: /more than it was given credit for/,
  },
  'video after its end': {
    says: () => [resume(), unit(1), { endOfStream: { lastNumber: 1 } }, unit(2)],
    sentence: /accessUnit after the end/,
  },
  'heartbeats without end': { says: () => [resume(), ...repeated({ heartbeat: {} }, 1000)], sentence: /more than 200 messages at once/ },
  'a codec without a picture': { says: () => [resume({ width: 0 })], sentence: /Pictures of 0 x/ },
  'a codec of a gigantic picture': {
    says: () => [resume({ width: 65_535, height: 65_535 })],
    sentence: /Pictures of 65535 x 65535 are not decoded/,
  },
  'a codec with a long name': { says: () => [resume({ fourcc: Buffer.alloc(300, 'H') })], sentence: /four characters, not 300/ },
  'private data of a megabyte': { says: () => [resume({ privateData: Buffer.alloc(1e6) })], sentence: /private data has 1000000 bytes/ },
  'a checkpoint that is none': { says: () => [resume({}, 'video')], sentence: /not one of a counter/ },
  'a checkpoint of another version': { says: () => [resume({}, { version: 3 })], sentence: /of version 3, not 2 or 1/ },
  'a checkpoint of version 1 that is none': { says: () => [resume({}, { version: 1 })], sentence: /analysis is wrong/ },
  'a checkpoint that is a prototype': {
    says: () => [resume({}, '{"version":2,"analysis":{"__proto__":{"position":1}}}')],
    sentence: /analysis\.position is wrong/,
  },
  'a checkpoint without end': { says: () => [resume({}, '['.repeat(1_000_000))], sentence: /not one of a counter/ },
  'a checkpoint beyond its size': {
    says: () => [resume({}, 'x'.repeat(2_000_000))],
    sentence: /sent resume of 2\d{6} bytes, and it may have/,
  },
  'a camera with a long story': { says: () => [{ camera: { sentence: 'x'.repeat(20_000) } }], sentence: /sent camera of 2\d{4} bytes/ },
};

suite('an agent that says', () => {
  for (const [what, { says, sentence }] of Object.entries(refused)) {
    test(`${what} is refused, and told why`, async (context) => {
      const { port, slots } = await plainService(context);
      const agent = new PlayedAgent(port, door);
      await agent.until(({ welcome }) => welcome !== undefined);
      for (const message of says()) agent.say(message);
      await agent.until(({ over }) => over);
      assert.equal(agent.heard.refusal?.reason, 'INVALID');
      assert.match(agent.heard.refusal?.sentence ?? '', sentence);
      await until(() => slots.streams === 0, 5);
    });
  }

  const names = { ...door, name: '../../etc' };
  for (const [what, hello] of Object.entries({
    'a name that climbs out of its folder': { stream: names },
    'a name in capitals': { stream: { ...door, namespace: 'Default' } },
    'no uid': { stream: { ...door, uid: '' } },
    'a session of two lines': { stream: door, session: 'one\ntwo' },
    'a name of a megabyte': { stream: { ...door, name: 'x'.repeat(1e6) } },
  })) {
    test(`${what} in its hello is refused`, async (context) => {
      const { port } = await plainService(context);
      const agent = new PlayedAgent(port, hello.stream, 'session' in hello ? { session: hello.session } : {});
      await agent.until(({ refusal }) => refusal !== undefined);
      assert.equal(agent.heard.refusal?.reason, 'INVALID');
    });
  }
});

suite('a checkpoint that somebody has changed is refused', () => {
  let state: { analysis: { look: { plan: { crop: object; picture: object; input: object } }; tracker: object } };
  before(async () => {
    const { port } = await plainService({ after } as unknown as TestContext);
    const agent = new PlayedAgent(port, door);
    agent.resume(clip);
    await agent.send(clip, 60);
    agent.end(true);
    await agent.until(({ finished }) => finished);
    state = JSON.parse(agent.heard.checkpoint!.toString()) as typeof state;
  });

  const changed = (change: object) => ({ ...state, analysis: { ...state.analysis, ...change } });
  const plan = (change: object) => {
    const { look } = state.analysis;
    return changed({ look: { ...look, plan: { ...look.plan, ...change } } });
  };
  const changes: Record<string, () => object> = {
    'so that ffmpeg reads a file': () => plan({ crop: { ...state.analysis.look.plan.crop, width: '1):1:0:0,movie=/etc/passwd[x];[x' } }),
    'so that a picture takes a gigabyte': () => plan({ picture: { width: 20_000, height: 20_000 } }),
    'so that the model gets what it cannot take': () => plan({ input: { width: 33, height: 33 } }),
    'so that nothing is looked at': () => plan({ crop: { left: 0, top: 0, width: 0, height: 0 } }),
    'so that it cannot be dated': () => changed({ presentationMicros: 1e300 }),
    'to have a million tracks': () => changed({ tracker: { ...state.analysis.tracker, tracks: Array.from({ length: 2000 }, () => ({})) } }),
  };
  for (const [what, change] of Object.entries(changes)) {
    test(what, async (context) => {
      const { port } = await plainService(context);
      const agent = new PlayedAgent(port, door);
      agent.say(resume({}, change()));
      await agent.until(({ over }) => over);
      assert.equal(agent.heard.refusal?.reason, 'INVALID');
      assert.match(agent.heard.refusal?.sentence ?? '', /^The checkpoint /);
    });
  }

  test('and one that nobody has changed is not', async (context) => {
    const { port } = await plainService(context);
    const agent = new PlayedAgent(port, door);
    agent.say(resume({}, state));
    await agent.until(({ credit }) => credit > 0);
    agent.hangUp();
  });
});

suite('a stranger that', () => {
  const narrow = { connections: 6, connectionsPerPeer: 3, acceptedWithinSeconds: 0.5 };

  test('connects and says nothing is cut, and so is one that stops in the middle of a hello', async (context) => {
    const { port, page } = await plainService(context, undefined, narrow);
    const silent = connectRaw(port).resume();
    const session = connectSession(port);
    openRaw(session, []).write(framed(Buffer.alloc(0), 1000));
    await Promise.all([once(silent, 'close'), once(session, 'close')]);
    assert.match(await page(), /connections_cut_total\{reason="silence"\} 2/);
  });

  test('connects often keeps nobody else out', async (context) => {
    const { port, page } = await plainService(context, undefined, { ...narrow, acceptedWithinSeconds: 20 });
    const kept = [connectRaw(port), connectRaw(port), connectRaw(port)];
    await Promise.all(kept.map((socket) => once(socket, 'connect')));
    await once(connectRaw(port), 'close');
    const agent = new PlayedAgent(port, door);
    agent.resume(clip);
    await agent.send(clip, 20);
    assert.match(await page(), /connections_cut_total\{reason="connectionsPerPeer"\} 1/);
    agent.hangUp();
    for (const socket of kept) socket.destroy();
  });

  test('sends megabytes before its hello is done is cut before they are there', async (context) => {
    const { port, page } = await plainService(context, undefined, { ...narrow, acceptedWithinSeconds: 20 });
    const session = connectSession(port);
    openRaw(session, []).write(framed(Buffer.alloc(8 * 2 ** 20, 0x1a), 16 * 2 ** 20));
    await new Promise((resolve) => session.once('close', resolve));
    assert.match(await page(), /connections_cut_total\{reason="bytes"\} 1/);
  });

  test('announces a message beyond any size, or headers without end, is not listened to', async (context) => {
    const { port } = await plainService(context);
    const session = connectSession(port);
    const announcing = openRaw(session, []).resume();
    announcing.write(framed(Buffer.alloc(10), 2 ** 31));
    const [answer] = (await once(announcing, 'response')) as [{ 'grpc-status': string }];
    assert.equal(answer['grpc-status'], '8', 'RESOURCE_EXHAUSTED');
    assert.equal((await callRaw(session, [], { 'x-long': 'x'.repeat(100_000) })).length, 0);
    session.destroy();
  });

  test('makes call after call on one connection loses the connection', async (context) => {
    const { port, page } = await plainService(context, undefined, undefined, 10_000);
    const session = connectSession(port);
    const closed = new Promise((resolve) => session.once('close', resolve));
    while (!session.destroyed) await callRaw(session, [Buffer.from('no protobuf')]);
    await closed;
    assert.match(await page(), /connections_cut_total\{reason="calls"\} 1/);
  });

  test('calls too often is told to call later, and another is served', async (context) => {
    const { port } = await plainService(context, undefined, undefined, 1);
    const session = connectSession(port);
    let told = false;
    for (let round = 0; round < 100 && !told; round += 1) {
      told = (await callRaw(session, [Buffer.from('no protobuf')])).toString().includes('call later');
    }
    assert.ok(told);
    session.destroy();
    const agent = new PlayedAgent(port, door);
    await agent.until(({ welcome }) => welcome !== undefined);
    agent.hangUp();
  });
});
