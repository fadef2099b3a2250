import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FUZZ } from '#proto/wire/fixtures/fuzz.ts';
import { podTrouble } from './pods.ts';

const ended = (message: string) =>
  podTrouble({
    status: {
      containerStatuses: [
        { name: 'agent', image: 'a', imageID: 'a', ready: false, restartCount: 1, lastState: { terminated: { exitCode: 1, message } } },
      ],
    },
  });

test('the last thing that an agent logged is why it ended', () => {
  assert.equal(
    ended('{"level":50,"sentence":"The disk is full."}\n')?.sentence,
    'ended with exit code 1 and has not come back: The disk is full.',
  );
});

test('whatever a pod says last, it is told in a sentence', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.record({ sentence: fc.anything(), msg: fc.anything() }).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(line, (message) => {
      const sentence = ended(message)?.sentence ?? '';
      assert.ok(sentence.startsWith('ended with exit code 1') && sentence.length < 600);
    }),
    FUZZ,
  );
});
