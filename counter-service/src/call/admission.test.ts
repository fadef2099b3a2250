import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CounterCall } from '#proto/wire/protocol.ts';
import { Slots } from './admission.ts';

const stream = (uid: string) => ({ namespace: 'default', name: uid, uid });
const call = () => ({}) as CounterCall;
const full = { reason: 'FULL' };

test('as many streams are served as there are slots, and the next one once a slot is released', () => {
  const slots = new Slots(2);
  const [one, two, three] = [call(), call(), call()];
  slots.reserve(one, stream('a'));
  slots.reserve(two, stream('b'));
  assert.throws(() => slots.reserve(three, stream('c')), full);
  slots.release(three);
  assert.equal(slots.streams, 2, 'a refused call releases no other slot');
  slots.release(one);
  slots.reserve(three, stream('c'));
});

test('an agent that calls again shares its own slot, and keeps it when the old call ends', () => {
  const slots = new Slots(1);
  const [old, again] = [call(), call()];
  slots.reserve(old, stream('a'));
  slots.reserve(again, stream('a'));
  slots.release(old);
  assert.ok(slots.has(stream('a')));
  assert.throws(() => slots.reserve(call(), stream('b')), full);
});

test('calls without a Hello are bounded, too', () => {
  const slots = new Slots(2);
  const calls = [call(), call(), call(), call()];
  for (const one of calls) slots.openCall(one);
  assert.throws(() => slots.openCall(call()), full);
  slots.release(calls[0]!);
  slots.openCall(call());
});

test('a refused call that shares a slot leaves it to the call that is served', () => {
  const slots = new Slots(1);
  const [served, superseded] = [call(), call()];
  slots.reserve(served, stream('a'));
  slots.reserve(superseded, stream('a'));
  slots.release(superseded);
  assert.ok(slots.has(stream('a')));
  assert.throws(() => slots.reserve(call(), stream('b')), full);
  slots.release(served);
  assert.equal(slots.streams, 0);
});
