import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Credit } from './credit.ts';

const never = new AbortController().signal;

/** Sends pictures of that size as credit allows; `sent` is how many so far. */
function startSending(credit: Credit, bytes: number, signal = never): { sent: number; over: Promise<void> } {
  const sender = { sent: 0, over: Promise.resolve() };
  sender.over = (async () => {
    for (;;) {
      await credit.take(bytes, signal);
      sender.sent += 1;
    }
  })();
  sender.over.catch(() => undefined);
  return sender;
}

/** Waits until everything that can continue has done so. */
const idle = () => new Promise((resolve) => setImmediate(resolve));

test('nothing is sent before there is credit, and then as many access units as it allows', async () => {
  const credit = new Credit();
  const sender = startSending(credit, 10);
  await idle();
  assert.equal(sender.sent, 0);
  for (const accessUnits of [3, 3, 5]) {
    credit.grant({ accessUnits, bytes: 1000 });
    await idle();
    assert.equal(sender.sent, accessUnits);
  }
});

test('credit allows its bytes, and the rest of the access unit in which they end', async () => {
  const credit = new Credit();
  const sender = startSending(credit, 100);
  for (const [bytes, sent] of [
    [250, 3],
    [300, 3],
    [301, 4],
    [1000, 10],
  ] as const) {
    credit.grant({ accessUnits: 1000, bytes });
    await idle();
    assert.equal(sender.sent, sent, `${bytes} bytes`);
  }
});

test('waiting for credit ends with the call', async () => {
  const call = new AbortController();
  const sender = startSending(new Credit(), 100, call.signal);
  call.abort(new Error('the call is over'));
  await assert.rejects(sender.over, /the call is over/);
});
