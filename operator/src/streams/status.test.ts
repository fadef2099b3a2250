import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf, observedOf, reported, runningPod, streamOf } from '../fixtures/objects.ts';
import { sameStatus, statusOf, tellingChanges } from './status.ts';

const noon = '2026-11-22T12:00:00Z';
const later = '2026-11-22T12:05:00Z';

function after(first: Parameters<typeof observedOf>[0], second: Parameters<typeof observedOf>[0]) {
  const status = statusOf(observedOf(first), noon);
  const observed = observedOf(second);
  const stream = { ...observed.stream, status: { ...observed.stream.status, ...status } };
  return { stream, next: statusOf({ ...observed, stream }, later) };
}

test('the same observation gives the same status, so nothing is written', () => {
  const { stream, next } = after({}, {});
  assert.equal(sameStatus(stream, next), true);
});

test('a transition time changes with its status and with nothing else', () => {
  const interrupted = (reason: string) => ({ stream: streamOf({}, reported('Interrupted', { reason, message: `${reason}.` })) });
  const otherReason = after(interrupted('CameraUnreachable'), interrupted('CameraUnauthorized')).next;
  assert.equal(otherReason.conditions.find(({ type }) => type === 'Ready')!.lastTransitionTime, noon);
  assert.equal(otherReason.conditions.find(({ type }) => type === 'Ready')!.reason, 'CameraUnauthorized');
  const healed = after(interrupted('CameraUnreachable'), {}).next;
  assert.equal(healed.conditions.find(({ type }) => type === 'Ready')!.lastTransitionTime, later);
  assert.equal(healed.conditions.find(({ type }) => type === 'AgentAvailable')!.lastTransitionTime, noon);
});

test("the agent's node and pod are shown while there is one", () => {
  assert.deepEqual(statusOf(observedOf(), noon).agent, { node: 'edge-1', pod: runningPod.metadata!.name });
  assert.equal(statusOf(observedOf({ pod: undefined }), noon).agent, undefined);
});

test('a change of the sections that the counter writes is no change of the status', () => {
  const { stream, next } = after({}, {});
  const counted = { ...stream, status: { ...stream.status, stream: { ...stream.status.stream!, since: later } } };
  assert.equal(sameStatus(counted, next), true);
  const foreign = { type: 'Theirs', status: 'True' as const, reason: 'Theirs', message: '', lastTransitionTime: noon };
  assert.equal(
    sameStatus({ ...stream, status: { ...stream.status, conditions: [foreign, ...stream.status.conditions] } }, next),
    true,
    'nor is a condition of another client',
  );
});

test('no message of a process brings a password into the status', () => {
  const refused = { status: 'False', reason: 'AgentForbidden', message: 'rtsp://admin:hunter2@10.0.0.8/ is refused' } as const;
  assert.doesNotMatch(JSON.stringify(statusOf(observedOf({ refused }), noon)), /hunter2/);
});

test('a finding that comes or goes is worth an Event, and that nothing was found yet is not', () => {
  const finding = { type: 'PictureUsable', reason: 'PictureBlack', message: 'Black.', since: noon } as const;
  const found = { stream: streamOf({}, { ...reported('Counting'), counts: { ...countsOf(), findings: [finding] } }) };
  const told = (first: object, second: object) => {
    const { stream, next } = after(first, second);
    return tellingChanges(stream.status, next).map(({ type, reason }) => [type, reason]);
  };
  assert.deepEqual(told({}, found), [['PictureUsable', 'PictureBlack']]);
  assert.deepEqual(told(found, {}), [['PictureUsable', 'PictureChanges']]);
  assert.deepEqual(told(found, found), []);
  assert.deepEqual(
    tellingChanges({}, statusOf(observedOf(), noon)).map(({ type }) => type),
    ['Ready'],
  );
});

test('every condition names the generation that it judged', () => {
  const status = statusOf(observedOf(), noon);
  assert.equal(status.observedGeneration, 3);
  assert.deepEqual(
    status.conditions.map(({ type, observedGeneration }) => [type, observedGeneration]),
    [
      ['Ready', 3],
      ['AgentAvailable', 3],
      ['CameraConnected', 3],
      ['Counting', 3],
      ['PictureUsable', 3],
      ['GeometryDoubtful', 3],
      ['PaceDoubtful', 3],
      ['DetectionDoubtful', 3],
    ],
  );
});
