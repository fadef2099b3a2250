import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkpoints } from './checkpoints.ts';

const at = (serial: number, position: number) => ({
  serial,
  position,
  presentationMicros: position * 100_000,
  state: Buffer.from(`at ${position}`),
});

test('a counter resumes from the newest checkpoint at or after what is committed, also from the one of exactly that', () => {
  const checkpoints = new Checkpoints();
  for (const checkpoint of [at(1, 10), at(2, 20)]) checkpoints.store(checkpoint);
  assert.deepEqual(
    [0, 10, 11, 20, 21].map((committed) => checkpoints.newestFrom(committed)?.position),
    [20, 20, 20, 20, undefined],
  );
});

test('a released checkpoint stays, as the one of what is committed; older ones are removed', () => {
  const checkpoints = new Checkpoints();
  for (const checkpoint of [at(1, 10), at(2, 20)]) checkpoints.store(checkpoint);
  assert.equal(checkpoints.release(1)?.position, 10);
  assert.equal(checkpoints.release(2)?.position, 20);
  assert.equal(checkpoints.newestFrom(20)?.state.toString(), 'at 20');
  assert.equal(checkpoints.release(1), undefined);
});
