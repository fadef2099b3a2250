import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './eventually.ts';

test('the wait ends with the first look that does not throw, and returns its value', async () => {
  let looks = 0;
  const seen = await eventually('the third look', 10, () => {
    looks += 1;
    if (looks < 3) throw new Error('not yet');
    return looks;
  });
  assert.equal(seen, 3);
});

test('the error of a wait that is too long names what was seen last', async () => {
  let looks = 0;
  const look = () => {
    looks += 1;
    throw new Error(`look ${looks > 1 ? 'again' : 'first'}`);
  };
  await assert.rejects(eventually('the moon is full', 0.3, look), { message: 'the moon is full: not within 0.3 s. Last seen: look again' });
});

test('an aborted wait throws the reason', async () => {
  const stop = new AbortController();
  const look = () => {
    stop.abort(new Error('stopped by SIGTERM'));
    throw new Error('not yet');
  };
  await assert.rejects(eventually('nothing', 60, look, stop.signal), { message: 'stopped by SIGTERM' });
});
