import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamReport } from './ledger.ts';
import { StreamStateReporter } from './stream-state.ts';

function standing(generation?: number) {
  const told: StreamReport[] = [];
  return { told, of: new StreamStateReporter({ report: (report) => void told.push(report) }, generation) };
}

test('nothing is told before the first frame', () => {
  const { told, of } = standing();
  of.camera({ connected: false, reason: '', sentence: '' });
  assert.deepEqual(told, []);
});

test('the first frame is told, and no other', () => {
  const { told, of } = standing(3);
  for (let frame = 0; frame < 100; frame += 1) of.counted();
  assert.deepEqual(told, [{ state: 'Counting', observedGeneration: 3 }]);
});

test('frames on their way when the camera went do not say that it is back', () => {
  const { told, of } = standing();
  of.counted();
  of.camera({ connected: false, reason: 'CameraLost', sentence: 'It is silent.' });
  of.counted();
  of.camera({ connected: true, reason: '', sentence: '' });
  assert.equal(told.at(-1)?.state, 'Interrupted', 'nor does the camera by itself');
  of.counted();
  assert.deepEqual(
    told.map(({ state }) => state),
    ['Counting', 'Interrupted', 'Counting'],
  );
  assert.deepEqual(told[1], { state: 'Interrupted', reason: 'CameraLost', message: 'It is silent.' });
});

test('an edit is told in whatever state the stream is', () => {
  const { told, of } = standing(1);
  of.camera({ connected: false, reason: 'CameraLost', sentence: 'It is silent.' });
  of.observes(2);
  assert.deepEqual(told.at(-1), { state: 'Interrupted', reason: 'CameraLost', message: 'It is silent.', observedGeneration: 2 });
});

test('what an agent says is made to fit the status: one word, a short sentence, no credentials', () => {
  const { told, of } = standing();
  of.camera({ connected: false, reason: 'not one word', sentence: `rtsp://admin:secret@10.0.0.8/ is silent. ${'x'.repeat(5000)}` });
  assert.equal(told[0]?.reason, 'CameraLost');
  assert.equal(told[0]?.message?.length, 1024);
  assert.doesNotMatch(told[0]?.message ?? '', /secret/);
});

test('a refusal is told in the words of the status', () => {
  const { told, of } = standing();
  of.refused('MODEL_UNAVAILABLE', 'There is no model.');
  of.refused('UNDECODABLE', 'It is not video.');
  assert.deepEqual(
    told.map(({ reason }) => reason),
    ['ModelUnavailable', 'UnsupportedCodec'],
  );
});

test('nothing is told over what the claim wrote until there is an edit or a frame', () => {
  const { told, of } = standing(1);
  of.camera({ connected: true, reason: '', sentence: '' });
  of.observes(1);
  assert.deepEqual(told, []);
  of.observes(2);
  of.counted();
  assert.deepEqual(told, [
    { state: 'Starting', observedGeneration: 2 },
    { state: 'Counting', observedGeneration: 2 },
  ]);
});
