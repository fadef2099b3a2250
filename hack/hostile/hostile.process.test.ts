import assert from 'node:assert/strict';
import { test } from 'node:test';
import { broken, runHostile } from './run.ts';

test(
  'hostile traffic changes no legal count, fills no memory, and every refusal is counted',
  { skip: process.platform !== 'linux' },
  async (context) => {
    assert.deepEqual(broken(await runHostile(12, context.signal)), []);
  },
);
