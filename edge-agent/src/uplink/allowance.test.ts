import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Allowance } from './allowance.ts';

const never = new AbortController().signal;

/** Sends pictures of that size for as long as it may; tells how many have gone so far. */
function sending(allowance: Allowance, bytes: number, signal = never): { gone: number; over: Promise<void> } {
  const sender = { gone: 0, over: Promise.resolve() };
  sender.over = (async () => {
    for (;;) {
      await allowance.take(bytes, signal);
      sender.gone += 1;
    }
  })();
  sender.over.catch(() => undefined);
  return sender;
}

/** Everything that can go on has done so. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('nothing may be sent before there is credit, and then as many access units as it is for', async () => {
  const allowance = new Allowance();
  const sender = sending(allowance, 10);
  await settled();
  assert.equal(sender.gone, 0);
  for (const accessUnits of [3, 3, 5]) {
    allowance.grant({ accessUnits, bytes: 1000 });
    await settled();
    assert.equal(sender.gone, accessUnits);
  }
});

test('as many bytes as it is for, and the rest of the access unit in which they end', async () => {
  const allowance = new Allowance();
  const sender = sending(allowance, 100);
  for (const [bytes, gone] of [
    [250, 3],
    [300, 3],
    [301, 4],
    [1000, 10],
  ] as const) {
    allowance.grant({ accessUnits: 1000, bytes });
    await settled();
    assert.equal(sender.gone, gone, `${bytes} bytes`);
  }
});

test('whoever waits for credit does so until the call is over', async () => {
  const call = new AbortController();
  const sender = sending(new Allowance(), 100, call.signal);
  call.abort(new Error('the call is over'));
  await assert.rejects(sender.over, /the call is over/);
});
