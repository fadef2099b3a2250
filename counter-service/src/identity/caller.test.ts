/** Authentication of callers, with an API server in memory that answers late, or not at all, when a test asks for it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ApiFault, type ApiServer } from '#crds/cluster/api.ts';
import { agentUser, COUNTER_AUDIENCE } from '#crds/identity.ts';
import { createLog } from '#proto/process/log.ts';
import { Caller } from './caller.ts';
import { TokenReviews } from './reviews.ts';

const door = { namespace: 'shop', name: 'door', uid: 'u' };
const never = new AbortController().signal;
const away = new ApiFault({ code: 0, reason: 'Unreachable', message: 'the API server cannot be reached' });
const unauthorized = { reason: 'UNAUTHORIZED' };

/** Valid for an hour from time 0. */
function token(claims: object = {}): string {
  const payload = { aud: [COUNTER_AUDIENCE], exp: 3600, sub: agentUser(door), ...claims };
  return `header.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.signature`;
}

function setting(context: TestContext) {
  const state = {
    now: 0,
    asked: 0,
    answer: agentUser(door) as string | undefined | ApiFault,
    held: undefined as Promise<void> | undefined,
  };
  const create = async (_: unknown, { spec }: { spec?: { audiences?: string[] } }) => {
    state.asked += 1;
    await state.held;
    if (state.answer instanceof ApiFault) throw state.answer;
    return { status: { authenticated: state.answer !== undefined, audiences: spec?.audiences, user: { username: state.answer } } };
  };
  const reviews = new TokenReviews({
    api: { create: create as unknown as ApiServer['create'] },
    log: createLog('test', 'silent'),
    now: () => state.now,
  });
  const over = new AbortController();
  context.after(() => over.abort(new Error('the test is over')));
  const reviewSeconds = { least: 0, most: 0 };
  return { state, reviews, over, identify: (text = token()) => Caller.identify({ reviews, reviewSeconds }, text, never) };
}

test('the agent of the stream may serve it, and no other stream', async (context) => {
  const { identify } = setting(context);
  const caller = await identify();
  caller.requireAgentOf(door);
  for (const other of [
    { ...door, name: 'gate' },
    { ...door, namespace: 'mall' },
  ])
    assert.throws(() => caller.requireAgentOf(other), unauthorized);
});

test("a token that cannot be an agent's is refused without a review, in a sentence without its text", async (context) => {
  const { identify, state } = setting(context);
  for (const [text, sentence] of [
    [token({ aud: 'https://kubernetes.default.svc' }), /not for the audience footfall-counter/],
    [token({ aud: undefined }), /audience/],
    [token({ exp: -61 }), /has expired/],
    [token({ exp: undefined }), /not one of a ServiceAccount/],
    ['words', /not one/],
    ['a.b.c', /not one/],
    [`a.${Buffer.from('null').toString('base64url')}.c`, /not one/],
    ['x'.repeat(10_000), /not one/],
  ] as const) {
    await assert.rejects(identify(text), (error: Error) => sentence.test(error.message) && !error.message.includes(text.slice(0, 20)));
  }
  assert.equal(state.asked, 0);
});

test('a token is reviewed once while a review is pending and for a minute after, an invalid one for ten seconds', async (context) => {
  const { identify, state } = setting(context);
  await Promise.all([identify(), identify(), identify()]);
  state.now = 59;
  await identify();
  assert.equal(state.asked, 1);
  state.now = 61;
  state.answer = undefined;
  await assert.rejects(identify(), unauthorized);
  state.now = 70;
  await assert.rejects(identify(), unauthorized);
  assert.equal(state.asked, 2);
  state.now = 72;
  state.answer = agentUser(door);
  await identify();
  assert.equal(state.asked, 3);
});

test('at most sixty-four reviews are pending at a time, and at most a thousand answers are cached', async (context) => {
  const { identify, state } = setting(context);
  const answered = Promise.withResolvers<void>();
  state.held = answered.promise;
  const callers = Array.from({ length: 65 }, (_, index) => identify(token({ jti: index })));
  const refusal = (await Promise.race([
    Promise.any(
      callers.map((one) =>
        one.then(
          () => assert.fail(),
          (error: unknown) => error,
        ),
      ),
    ),
    answered.promise,
  ])) as { reason: string };
  assert.equal(refusal.reason, 'FULL');
  answered.resolve();
  assert.equal((await Promise.allSettled(callers)).filter(({ status }) => status === 'fulfilled').length, 64);
  for (let index = 65; index < 65 + 1024; index += 1) await identify(token({ jti: index }));
  const { asked } = state;
  await identify(token({ jti: 1000 }));
  assert.equal(state.asked, asked, 'the newest is known');
  await identify(token({ jti: 1 }));
  assert.equal(state.asked, asked + 1, 'and the oldest forgotten');
});

test('a review is repeated when the API server is away for a moment', async (context) => {
  const { identify, state } = setting(context);
  state.answer = away;
  const identified = identify();
  while (state.asked < 2) await new Promise(setImmediate);
  state.answer = agentUser(door);
  (await identified).requireAgentOf(door);
});

test('a caller is not refused as unauthorized when the API server does not answer', async (context) => {
  const { reviews, state } = setting(context);
  state.answer = away;
  await assert.rejects(reviews.userOf(reviews.read(token()), never, 0.3), { reason: 'LEDGER_UNAVAILABLE' });
});

test('a review is not awaited any longer for a call that has ended', async (context) => {
  const { reviews, state, over } = setting(context);
  state.held = new Promise(() => undefined);
  const asking = reviews.userOf(reviews.read(token()), over.signal, 60);
  over.abort(new Error('the agent is gone'));
  await assert.rejects(asking, /the agent is gone/);
});

test('an agent whose token is no longer valid is evicted with a refusal', async (context) => {
  const { identify, state, over } = setting(context);
  const eviction = (await identify()).waitForEviction(over.signal);
  state.answer = undefined;
  const { reason, refusal } = await eviction;
  assert.deepEqual([reason, refusal], ['AgentUnauthorized', 'UNAUTHORIZED']);
});

test('an agent keeps its stream while the API server is away, until its token expires', async (context) => {
  const { identify, state, over } = setting(context);
  const caller = await identify(token({ exp: 1 }));
  state.answer = away;
  let evicted = false;
  const eviction = caller.waitForEviction(over.signal).then((one) => {
    evicted = true;
    return one;
  });
  while (state.asked < 2) await new Promise(setImmediate);
  assert.equal(evicted, false);
  caller.replace(token({ exp: 1, jti: 'the next one' }));
  while (state.asked < 3) await new Promise(setImmediate);
  assert.equal(evicted, false);
  state.now = 62;
  caller.replace(token({ exp: 1, jti: 'and the next' }));
  assert.match((await eviction).sentence, /has expired/);
});

test('a new token is reviewed, and replaces the earlier one', async (context) => {
  const { reviews, state, over } = setting(context);
  const caller = await Caller.identify({ reviews, reviewSeconds: { least: 3600, most: 3600 } }, token({ exp: 100 }), never);
  const eviction = caller.waitForEviction(over.signal);
  caller.replace(token({ jti: 'the next one' }));
  while (state.asked < 2) await new Promise(setImmediate);
  state.now = 161;
  caller.replace(token({ jti: "another agent's", sub: agentUser({ ...door, name: 'gate' }) }));
  state.answer = agentUser({ ...door, name: 'gate' });
  assert.equal((await eviction).refusal, 'UNAUTHORIZED');
});
