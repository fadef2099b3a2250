import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCounterConfig } from './config.ts';
import { openReceiver } from './events/receivers.ts';

const common = { listen: '127.0.0.1:0', http: { host: '127.0.0.1', port: 0 }, modelsDirectory: 'models', inference: {} };
const local = { manifests: ['door.yaml'], ledgerDirectory: 'ledger' };
const cluster = { counter: 'counter-1' };
const file = (path: string) => ({ kind: 'file', path });
const tls = { certificateFile: 'tls.crt', keyFile: 'tls.key' };
const read = (where: object) => readCounterConfig({ FOOTFALL_COUNTER: JSON.stringify({ ...common, ...where }) });

test('a counter works in local mode or in a cluster', () => {
  assert.deepEqual(read({ local }).local, local);
  assert.deepEqual(read({ cluster, tls }).cluster, cluster);
});

for (const [what, where] of [
  ['both', { local, cluster }],
  ['neither', {}],
] as const) {
  test(`${what} of the two is refused in one sentence`, () => {
    assert.throws(() => read(where), { message: 'FOOTFALL_COUNTER: the whole: must have either local or cluster.' });
  });
}

test('plaintext is for loopback, and never for a cluster, where agents send tokens', () => {
  for (const listen of ['127.0.0.1:0', 'localhost:7443', '[::1]:0']) assert.equal(read({ local, listen }).listen, listen);
  for (const listen of ['0.0.0.0:7443', '10.0.0.7:7443', '[::]:7443', 'counter.example:7443', '127.0.0.1.example:1']) {
    assert.equal(read({ local, listen, tls }).listen, listen);
    assert.throws(() => read({ local, listen }), {
      message: 'FOOTFALL_COUNTER: listen: must be on loopback, like 127.0.0.1:0, unless there is tls.',
    });
  }
  assert.throws(() => read({ cluster }), { message: 'FOOTFALL_COUNTER: tls: must be there in a cluster, where agents send tokens.' });
});

test('the receivers of a counter have names that tell them apart', () => {
  const { receivers } = read({ local, receivers: [file('/events/a.jsonl'), file('/events/b.jsonl')] });
  assert.deepEqual(
    receivers.map((options) => openReceiver(options).name),
    ['file /events/a.jsonl', 'file /events/b.jsonl'],
  );
});

for (const again of ['/events/door.jsonl', '/events/./door.jsonl']) {
  test(`two receivers may not write to the same file: /events/door.jsonl and ${again}`, () => {
    assert.throws(() => read({ local, receivers: [file('/events/hall.jsonl'), file('/events/door.jsonl'), file(again)] }), {
      message: 'FOOTFALL_COUNTER: receivers.2.path: must be unique among the receivers, found "/events/door.jsonl" again.',
    });
  });
}
