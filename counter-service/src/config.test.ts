import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCounterConfig } from './config.ts';

const common = { listen: '127.0.0.1:0', presence: { host: '127.0.0.1', port: 0 }, modelsDirectory: 'models', inference: {} };
const local = { manifests: ['door.yaml'], ledgerDirectory: 'ledger' };
const cluster = { counter: 'counter-1' };
const read = (where: object) => readCounterConfig({ FOOTFALL_COUNTER: JSON.stringify({ ...common, ...where }) });

test('a counter works in local mode or in a cluster', () => {
  assert.deepEqual(read({ local }).local, local);
  assert.deepEqual(read({ cluster }).cluster, cluster);
});

for (const [what, where] of [['both', { local, cluster }], ['neither', {}]] as const) {
  test(`${what} of the two is refused in one sentence`, () => {
    assert.throws(() => read(where), { message: 'FOOTFALL_COUNTER: the whole: must have either local or cluster.' });
  });
}
