import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CameraFault } from '../camera/faults.ts';
import { CameraReport } from './camera-report.ts';

const never = new AbortController().signal;
const up = { connected: true, fault: undefined };
const lost = { connected: false, fault: new CameraFault('CameraLost', 'The camera hung up.') };

test('a follower gets the condition that holds now, and none that came and went in between', async () => {
  const report = new CameraReport();
  const conditions = report.follow(never);
  assert.deepEqual((await conditions.next()).value, { connected: false, reason: '', sentence: '' });
  report.update(up);
  report.update(lost);
  assert.deepEqual((await conditions.next()).value, { connected: false, reason: 'CameraLost', sentence: 'The camera hung up.' });
});

test('more access units do not change the condition', async () => {
  const report = new CameraReport();
  const conditions = report.follow(never);
  await conditions.next();
  report.update(up);
  await conditions.next();
  const next = conditions.next();
  report.update(up);
  report.update(up);
  report.update(lost);
  assert.equal((await next).value.reason, 'CameraLost');
});

test('a sentence leaves without credentials', async () => {
  const report = new CameraReport();
  report.update({ connected: false, fault: new CameraFault('CameraLost', 'rtsp://admin:p@ss/word@10.0.0.8/door hung up.') });
  const { value } = await report.follow(never).next();
  assert.equal(value.sentence, 'rtsp://***@10.0.0.8/door hung up.');
});

test('following ends with the call', async () => {
  const over = new AbortController();
  const conditions = new CameraReport().follow(over.signal);
  await conditions.next();
  const next = conditions.next();
  over.abort(new Error('the call is over'));
  await assert.rejects(next, /the call is over/);
});
