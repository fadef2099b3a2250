import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CounterCall } from '#proto/wire/protocol.ts';
import { Slots } from './admission.ts';

const stream = (uid: string) => ({ namespace: 'default', name: uid, uid });
const call = () => ({}) as CounterCall;
const full = { reason: 'FULL' };

test('as many streams are served as there are places, and the next one when one has left', () => {
  const places = new Slots(2);
  const [one, two, three] = [call(), call(), call()];
  places.take(one, stream('a'));
  places.take(two, stream('b'));
  assert.throws(() => places.take(three, stream('c')), full);
  places.leave(three);
  assert.equal(places.streams, 2, 'a refused call takes nobody else with it');
  places.leave(one);
  places.take(three, stream('c'));
});

test('an agent that calls again shares its own place, and the old call leaves without it', () => {
  const places = new Slots(1);
  const [old, again] = [call(), call()];
  places.take(old, stream('a'));
  places.take(again, stream('a'));
  places.leave(old);
  assert.ok(places.has(stream('a')));
  assert.throws(() => places.take(call(), stream('b')), full);
});

test('calls that have not said hello are bounded, too', () => {
  const places = new Slots(2);
  const calls = [call(), call(), call(), call()];
  for (const one of calls) places.enter(one);
  assert.throws(() => places.enter(call()), full);
  places.leave(calls[0]!);
  places.enter(call());
});

test('a call that shares a place and is refused leaves it to the one that is served', () => {
  const places = new Slots(1);
  const [served, superseded] = [call(), call()];
  places.take(served, stream('a'));
  places.take(superseded, stream('a'));
  places.leave(superseded);
  assert.ok(places.has(stream('a')));
  assert.throws(() => places.take(call(), stream('b')), full);
  places.leave(served);
  assert.equal(places.streams, 0);
});
