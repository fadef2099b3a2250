import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamReport } from './ledger.ts';
import { StreamStateReporter } from './stream-state.ts';

function setting(generation?: number) {
  const reports: StreamReport[] = [];
  return { reports, reporter: new StreamStateReporter({ report: (report) => void reports.push(report) }, generation) };
}

test('nothing is reported before the first frame', () => {
  const { reports, reporter } = setting();
  reporter.reportCamera({ connected: false, reason: '', sentence: '' });
  assert.deepEqual(reports, []);
});

test('the first frame is reported, and no other', () => {
  const { reports, reporter } = setting(3);
  for (let frame = 0; frame < 100; frame += 1) reporter.reportFrame();
  assert.deepEqual(reports, [{ state: 'Counting', observedGeneration: 3 }]);
});

test('frames that were under way when the camera went silent do not report it as back', () => {
  const { reports, reporter } = setting();
  reporter.reportFrame();
  reporter.reportCamera({ connected: false, reason: 'CameraLost', sentence: 'It is silent.' });
  reporter.reportFrame();
  reporter.reportCamera({ connected: true, reason: '', sentence: '' });
  assert.equal(reports.at(-1)?.state, 'Interrupted', 'nor does the camera by itself');
  reporter.reportFrame();
  assert.deepEqual(
    reports.map(({ state }) => state),
    ['Counting', 'Interrupted', 'Counting'],
  );
  assert.deepEqual(reports[1], { state: 'Interrupted', reason: 'CameraLost', message: 'It is silent.' });
});

test('what is to be known of a camera that is counted is reported with the counting, and no longer than it holds', () => {
  const { reports, reporter } = setting();
  reporter.reportFrame();
  reporter.reportCamera({ connected: true, reason: 'CameraClockWrong', sentence: 'Its clock is too fast.' });
  reporter.reportCamera({ connected: false, reason: 'CameraLost', sentence: 'It is silent.' });
  reporter.reportCamera({ connected: true, reason: 'CameraClockWrong', sentence: 'Its clock is too fast.' });
  reporter.reportFrame();
  reporter.reportCamera({ connected: true, reason: '', sentence: '' });
  const wrong = { state: 'Counting', reason: 'CameraClockWrong', message: 'Its clock is too fast.' };
  const lost = { state: 'Interrupted', reason: 'CameraLost', message: 'It is silent.' };
  assert.deepEqual(reports, [{ state: 'Counting' }, wrong, lost, wrong, { state: 'Counting' }]);
});

test('an edit of the spec is reported in every state of the stream', () => {
  const { reports, reporter } = setting(1);
  reporter.reportCamera({ connected: false, reason: 'CameraLost', sentence: 'It is silent.' });
  reporter.adoptGeneration(2);
  assert.deepEqual(reports.at(-1), { state: 'Interrupted', reason: 'CameraLost', message: 'It is silent.', observedGeneration: 2 });
});

test('the report of an agent is made to fit the status: one word, a short sentence, no credentials', () => {
  const { reports, reporter } = setting();
  reporter.reportCamera({
    connected: false,
    reason: 'not one word',
    sentence: `rtsp://admin:secret@10.0.0.8/ is silent. ${'x'.repeat(5000)}`,
  });
  assert.equal(reports[0]?.reason, 'CameraLost');
  assert.equal(reports[0]?.message?.length, 1024);
  assert.doesNotMatch(reports[0]?.message ?? '', /secret/);
});

test('a refusal is reported in the form of the status', () => {
  const { reports, reporter } = setting();
  reporter.reportRefusal('MODEL_UNAVAILABLE', 'There is no model.');
  reporter.reportRefusal('UNDECODABLE', 'It is not video.');
  assert.deepEqual(
    reports.map(({ reason }) => reason),
    ['ModelUnavailable', 'UnsupportedCodec'],
  );
});

test('the state that the claim wrote stays until an edit or a frame', () => {
  const { reports, reporter } = setting(1);
  reporter.reportCamera({ connected: true, reason: '', sentence: '' });
  reporter.adoptGeneration(1);
  assert.deepEqual(reports, []);
  reporter.adoptGeneration(2);
  reporter.reportFrame();
  assert.deepEqual(reports, [
    { state: 'Starting', observedGeneration: 2 },
    { state: 'Counting', observedGeneration: 2 },
  ]);
});
