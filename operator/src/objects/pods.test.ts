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

test('the last line that an agent logged says why it ended', () => {
  assert.equal(
    ended('{"level":50,"sentence":"The disk is full."}\n')?.sentence,
    'ended with exit code 1 and is not ready again: The disk is full.',
  );
});

test('any termination message results in a sentence of bounded length', () => {
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
