/** What agents and users do to a counter, and that it harms nobody else: calls that are refused, edits, streams that go. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { asBuffer, codecToMessage } from '#proto/wire/codec.ts';
import { until } from '../../hack/machine/until.ts';
import { Link } from '../../hack/machine/link.ts';
import { type Clip, readClip } from './fixtures/clip.ts';
import { plainDoor as door, plainService, plainSpec } from './fixtures/plain-service.ts';
import { PlayedAgent } from './fixtures/played-agent.ts';
import { Refused } from './refusal.ts';

let clip: Clip;
before(async () => {
  clip = await readClip();
});

for (const sessionStartMicros of [9e18, -1, 2 ** 53]) {
  test(`a session that began ${sessionStartMicros} microseconds after 1970 is refused, in a sentence`, async (context) => {
    const { port } = await plainService(context);
    const agent = new PlayedAgent(port, door, { sessionStartMicros });
    await agent.until(({ refusal }) => refusal !== undefined);
    assert.equal(agent.heard.refusal?.reason, 'INVALID');
    assert.match(agent.heard.refusal?.sentence ?? '', /^The agent's session cannot have begun .+ microseconds after 1970\.$/);
  });
}

const BEGAN_MICROS = 1_767_225_600_000_000;
for (const { clock, behindMicros, takenMicros, passedOver } of [
  { clock: 'a clock that is a minute behind', behindMicros: 60e6, takenMicros: 450_000, passedOver: 4 },
  { clock: 'the same clock', behindMicros: 0, takenMicros: 60e6, passedOver: 30 },
]) {
  test(`an agent by ${clock} is passed over for what the one before can have counted, and for no more`, async (context) => {
    const { port } = await plainService(context);
    const first = new PlayedAgent(port, door, { sessionStartMicros: BEGAN_MICROS });
    first.resume(clip);
    await first.send(clip, 30);
    first.end();
    await first.until(({ finished }) => finished);
    const second = new PlayedAgent(port, door, { session: 's2', sessionStartMicros: BEGAN_MICROS - behindMicros });
    second.resume(clip, undefined, takenMicros);
    await second.send(clip, 60);
    second.end();
    await second.until(({ finished }) => finished);
    const { frames, gaps, position } = second.heard.counts!;
    assert.deepEqual([frames, gaps, position], [60 - passedOver, 1, 60]);
  });
}

test('a gap that is replayed is told of in no metric again', async (context) => {
  const { port, page, slots } = await plainService(context);
  const unit = (number: number) => ({ accessUnit: { ...clip.units[number - 1]!, number, data: asBuffer(clip.units[number - 1]!.data) } });
  const gap = { gap: { after: 1, next: 2, fromMicros: 0, toMicros: 0, reason: 'CAMERA_LOST' } } as const;
  const play = async (lastTerm: number, checkpoint: Buffer) => {
    const agent = new PlayedAgent(port, door, { lastTerm });
    agent.say({ resume: { checkpoint, codec: codecToMessage(clip.codec) } });
    for (const message of [unit(1), gap, unit(2), { endOfStream: { lastNumber: 2, paused: true } }]) agent.say(message);
    await agent.until(({ finished }) => finished);
    const told = /counter_gaps_total\{.*CAMERA_LOST/.test(await page());
    agent.hangUp();
    await until(() => Promise.resolve(slots.streams === 0), 5);
    return { told, gaps: agent.heard.counts?.gaps, checkpoint: agent.heard.checkpoint! };
  };
  const first = await play(0, Buffer.alloc(0));
  const again = await play(1, first.checkpoint);
  assert.deepEqual([first.told, again.told, first.gaps, again.gaps], [true, false, 1, 1]);
});

test('an access unit, and a gap, of no sound time ends its own stream', async (context) => {
  const { port, spec } = await plainService(context);
  const unit = clip.units[0]!;
  const wrong = [
    { accessUnit: { ...unit, number: 1, data: asBuffer(unit.data), presentationMicros: 9e18 } },
    { gap: { after: 0, next: 1, fromMicros: 0, toMicros: 9e18, reason: 'CAMERA_LOST' } },
  ] as const;
  for (const message of wrong) {
    const agent = new PlayedAgent(port, door);
    agent.resume(clip);
    agent.say(message);
    await agent.until(({ over, refusal }) => over && refusal?.reason === 'INVALID');
    // A spec that is taken up has the counts looked at without a frame.
    spec.become({ spec: { ...plainSpec }, generation: 2 });
  }
});

test('a spec that cannot be taken up for a reason that nobody foresaw ends its own stream', async (context) => {
  const { port, spec } = await plainService(context);
  const agent = new PlayedAgent(port, door);
  agent.resume(clip);
  await agent.send(clip, 10);
  spec.become({ spec: { ...plainSpec, zones: undefined as never }, generation: 2 });
  await agent.until(({ over, refusal }) => over && refusal?.reason === 'REFUSAL_REASON_UNSPECIFIED');
});

test('an edit that came while there was no video is told with the first frame', async (context) => {
  const { port, spec, reports } = await plainService(context);
  const agent = new PlayedAgent(port, door);
  await agent.until(({ welcome }) => welcome !== undefined);
  spec.become({ spec: { ...plainSpec, zones: [] }, generation: 2 });
  agent.resume(clip);
  await agent.send(clip, 10);
  assert.deepEqual(reports.at(-1), { state: 'Counting', observedGeneration: 2 });
  agent.hangUp();
});

test('a call that is superseded leaves its place to the one that is served', async (context) => {
  const { port, slots, lent } = await plainService(context);
  const served = new PlayedAgent(port, door);
  served.resume(clip);
  await served.send(clip, 10);
  const superseded = new PlayedAgent(port, door, { session: 'lingering', lastTerm: 7 });
  await superseded.until(({ over, refusal }) => over && refusal?.reason === 'SUPERSEDED');
  assert.deepEqual([slots.streams, lent.now], [1, 1]);
  const another = new PlayedAgent(port, { ...door, uid: 'uid-other' });
  await another.until(({ refusal }) => refusal?.reason === 'FULL');
  served.end();
  await served.until(({ finished }) => finished);
  served.hangUp();
  await until(() => Promise.resolve(slots.streams === 0 && lent.now === 0), 5);
});

test('frames of a call that was superseded, and still wait, do not stand in the way of the next one', async (context) => {
  const { port, lent } = await plainService(context);
  for (const lastTerm of [0, 1]) {
    const agent = new PlayedAgent(port, door, { lastTerm });
    agent.resume(clip);
    await agent.send(clip, 10);
  }
  assert.equal(lent.waitingAs.size, 2);
});

test('a stream that is gone leaves no series behind, though its agent goes on sending', async (context) => {
  const closed = Promise.withResolvers<void>();
  const { port, spec, page, slots } = await plainService(context, closed.promise);
  const agent = new PlayedAgent(port, door);
  agent.resume(clip);
  await agent.send(clip, 40);
  assert.match(await page(), /stream="default\/door"/);
  spec.become(new Refused('UNKNOWN_STREAM', 'There is no CameraStream default/door.'));
  await agent.until(({ refusal }) => refusal?.reason === 'UNKNOWN_STREAM');
  const series = async () => (await page()).includes('stream="default/door"');
  await until(async () => slots.streams === 0 && !(await series()), 5);
  for (let number = 41; number <= 60; number += 1) {
    const unit = clip.units[number - 1]!;
    await agent.tell({ accessUnit: { ...unit, number, data: asBuffer(unit.data) } });
  }
  // As far as a counter would take them: what is sent later is answered later.
  const next = new PlayedAgent(port, { ...door, uid: 'uid-other' });
  await next.until(({ refusal }) => refusal !== undefined);
  assert.equal(await series(), false);
  closed.resolve();
  await agent.until(({ over }) => over);
});

suite('an agent', { timeout: 30_000 }, () => {
  const silent = 2.5;

  test('of which nothing comes any more is gone after a while', async (context) => {
    const { port, slots } = await plainService(context, undefined, undefined, undefined, silent);
    const link = await Link.to(port);
    context.after(() => link.close());
    const agent = new PlayedAgent(link.port, door);
    agent.resume(clip);
    await agent.send(clip, 10);
    link.swallow();
    await until(() => slots.streams === 0, 5);
    link.heal();
    await agent.until(({ over }) => over);
  });

  test('whose heartbeats wait behind a picture on a slow link is not', async (context) => {
    const { port, page } = await plainService(context, undefined, undefined, undefined, silent);
    const link = await Link.to(port, { bytesPerSecond: 30_000 });
    context.after(() => link.close());
    const agent = new PlayedAgent(link.port, door);
    agent.resume(clip);
    const [unit] = clip.units;
    // It takes five seconds.
    agent.say({ accessUnit: { ...unit!, number: 1, data: Buffer.concat([unit!.data, Buffer.alloc(150_000)]) } });
    await until(async () => (await page()).includes('footfall_counter_access_units_total{stream="default/door"} 1'), 15);
    assert.equal(agent.heard.over, false);
    agent.hangUp();
  });
});
