import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type Observed } from './conditions.ts';
import { observedOf, pendingPod, poolOf, reported, runningPod, streamOf, unscheduledPod } from '../fixtures/objects.ts';

/** What is observed, the reason why it is not ready, and words that its sentence must hold. */
const troubles: readonly [what: string, observed: Partial<Observed>, reason: string, words: RegExp][] = [
  ['a suspended stream', { stream: streamOf({ suspend: true }), pod: undefined }, 'Suspended', /spec\.suspend/],
  ['a spec that cannot be used', { fault: 'spec.source.url: must begin with rtsp://' }, 'InvalidSpec', /spec\.source\.url/],
  [
    'a Deployment that the API server refuses',
    { refused: { status: 'False', reason: 'AgentForbidden', message: 'quota' }, pod: undefined },
    'AgentForbidden',
    /quota/,
  ],
  [
    'a pod that admission refuses',
    {
      pod: undefined,
      deployment: {
        status: { conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'pods "door" is forbidden: exceeded quota' }] },
      },
    },
    'AgentForbidden',
    /exceeded quota/,
  ],
  ['no pod yet', { pod: undefined }, 'AgentStarting', /being made/],
  [
    'no node of the site',
    {
      pod: unscheduledPod(
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
      ),
    },
    'NoNodeForSite',
    /footfall\.dev\/site=store-12/,
  ],
  [
    'a site whose only node is cordoned',
    { pod: unscheduledPod("0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector.") },
    'AgentUnschedulable',
    /unschedulable/,
  ],
  [
    'a site whose node has no memory left',
    { pod: unscheduledPod("0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector.") },
    'AgentUnschedulable',
    /Insufficient memory/,
  ],
  [
    'an image that is not there',
    { pod: pendingPod({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off' } }) },
    'ImagePull',
    /agent:1/,
  ],
  [
    'an agent that crashes',
    {
      pod: pendingPod({ waiting: { reason: 'CrashLoopBackOff' } }, { terminated: { exitCode: 1, message: 'first\nffmpeg is missing.\n' } }),
    },
    'Crashing',
    /exit code 1.*: ffmpeg is missing\./,
  ],
  [
    'a container that cannot be made',
    { pod: pendingPod({ waiting: { reason: 'CreateContainerConfigError', message: 'no such key' } }) },
    'Failing',
    /no such key/,
  ],
  ['a container on its way', { pod: pendingPod({ waiting: { reason: 'ContainerCreating' } }) }, 'AgentStarting', /starting/],
  [
    'a node that is lost',
    { pod: { ...runningPod, status: { ...runningPod.status!, conditions: [{ type: 'Ready', status: 'False' }] } } },
    'NodeLost',
    /edge-1/,
  ],
  [
    'a pod that is going',
    { pod: { ...runningPod, metadata: { ...runningPod.metadata!, deletionTimestamp: '2026-11-22T12:00:00Z' } } },
    'AgentStarting',
    /moved/,
  ],
  [
    'a camera that cannot be reached',
    {
      stream: streamOf(
        {},
        reported('Interrupted', { reason: 'CameraUnreachable', message: 'rtsp://10.0.0.8/stream2 cannot be reached: no route to host.' }),
      ),
    },
    'CameraUnreachable',
    /no route/,
  ],
  [
    'a camera that wants another password',
    { stream: streamOf({}, reported('Interrupted', { reason: 'CameraUnauthorized', message: 'wrong password' })) },
    'CameraUnauthorized',
    /wrong password/,
  ],
  [
    'a Secret that is missing',
    { stream: streamOf({}, reported('Interrupted', { reason: 'CredentialsMissing', message: 'no password' })) },
    'CredentialsMissing',
    /no password/,
  ],
  [
    'a model that is missing',
    { stream: streamOf({}, reported('Refused', { reason: 'ModelUnavailable', message: 'There is no model x.' })) },
    'ModelUnavailable',
    /no model x/,
  ],
  ['a stream without its first frame', { stream: streamOf({}, reported('Starting')) }, 'WaitingForVideo', /first frame/],
  ['an agent that no counter knows', { stream: streamOf() }, 'CounterUnavailable', /has not reached/],
  [
    'an agent that left its counter',
    { stream: streamOf({}, reported('Disconnected', { reason: 'AgentGone', message: 'the agent fell silent' })) },
    'CounterUnavailable',
    /AgentGone, the agent fell silent/,
  ],
  ['a counter that is gone', { pool: poolOf({ ready: new Map() }) }, 'CounterUnavailable', /No counter is ready/],
  ['a pool of none', { stream: streamOf(), pool: poolOf({ ready: new Map(), maximum: 0 }) }, 'CounterUnavailable', /no counter at all/],
  [
    'a pool that finds no GPU',
    { stream: streamOf(), pool: poolOf({ ready: new Map(), trouble: 'Counter c finds no node: 3 Insufficient nvidia.com/gpu.' }) },
    'CounterUnavailable',
    /nvidia\.com\/gpu/,
  ],
  ['a pool that is full', { stream: streamOf(), pool: poolOf({ full: true, maximum: 1 }) }, 'CounterFull', /may have 1 and no more/],
  [
    'a pool that is full and finds no GPU for more',
    { stream: streamOf(), pool: poolOf({ full: true, trouble: 'Counter c finds no node: Insufficient nvidia.com/gpu.' }) },
    'CounterFull',
    /No other can start: Counter c finds no node/,
  ],
];

for (const [what, observed, reason, words] of troubles) {
  test(`${what}: ${reason}`, () => {
    const { Ready } = judge(observedOf(observed));
    assert.equal(Ready.status, 'False');
    assert.equal(Ready.reason, reason);
    assert.match(Ready.message, words);
  });
}

test('a stream that is counted holds all its conditions', () => {
  const judgements = judge(observedOf());
  assert.deepEqual(
    Object.values(judgements).map(({ status }) => status),
    ['True', 'True', 'True', 'True'],
  );
  assert.match(judgements.Ready.message, /counter-a/);
});

test('of a camera that nobody reads nothing is known', () => {
  assert.equal(judge(observedOf({ pod: undefined })).CameraConnected.status, 'Unknown');
  assert.equal(judge(observedOf({ pool: poolOf({ ready: new Map() }) })).CameraConnected.status, 'Unknown');
});

test('what a counter said before it was started anew is not believed', () => {
  const startedAt = Date.parse('2026-11-22T13:00:00Z');
  assert.equal(judge(observedOf({ pool: poolOf({ ready: new Map([['counter-a', startedAt]]) }) })).Ready.reason, 'CounterUnavailable');
});

test('an agent of an earlier spec does not make the stream ready', () => {
  const deployment = (status: object) => ({ metadata: { name: 'door-agent', generation: 2 }, status });
  assert.equal(judge(observedOf({ deployment: deployment({ observedGeneration: 1, updatedReplicas: 1 }) })).Ready.reason, 'AgentStarting');
  assert.equal(judge(observedOf({ deployment: deployment({ observedGeneration: 2 }) })).Ready.reason, 'AgentStarting');
  assert.equal(judge(observedOf({ deployment: deployment({ observedGeneration: 2, updatedReplicas: 1 }) })).Ready.status, 'True');
});

test('a stream that is still counted by its earlier lines is ready for the generation of those', () => {
  const { Ready, AgentAvailable } = judge(observedOf({ stream: streamOf({}, reported('Counting', { observedGeneration: 2 })) }));
  assert.equal(Ready.observedGeneration, 2);
  assert.equal(AgentAvailable.observedGeneration, undefined);
});

test('an agent whose node is lost is not told to look for a label', () => {
  const pod = unscheduledPod(
    "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector.",
  );
  const { Ready } = judge(
    observedOf({ pod, former: { ...runningPod, metadata: { ...runningPod.metadata!, deletionTimestamp: '2026-11-22T12:00:00Z' } } }),
  );
  assert.equal(Ready.reason, 'NodeLost');
  assert.match(Ready.message, /edge-1/);
});

test('an agent that crashes says the same at each try', () => {
  const line = (time: string) => JSON.stringify({ level: 'error', time, sentence: 'ffmpeg is missing.', msg: 'failed' });
  const crashed = (time: string) =>
    judge(
      observedOf({ pod: pendingPod({ waiting: { reason: 'CrashLoopBackOff' } }, { terminated: { exitCode: 1, message: line(time) } }) }),
    ).Ready;
  const tried = judge(observedOf({ pod: pendingPod({ running: {} }, { terminated: { exitCode: 1, message: line('12:00') } }) })).Ready;
  assert.deepEqual(crashed('12:00'), crashed('12:05'));
  assert.deepEqual(tried, crashed('12:00'));
  assert.match(tried.message, /ffmpeg is missing\.$/);
});

test('what a counter refused stays true when that counter is gone', () => {
  const stream = streamOf({}, reported('Refused', { reason: 'ModelUnavailable', message: 'There is no model x.' }));
  assert.equal(judge(observedOf({ stream, pool: poolOf({ ready: new Map([['counter-b', 0]]) }) })).Ready.reason, 'ModelUnavailable');
});

test('every reason is one word and every sentence ends', () => {
  for (const [, observed] of troubles) {
    for (const { reason, message } of Object.values(judge(observedOf(observed)))) {
      assert.match(reason, /^[A-Z][A-Za-z]+$/);
      assert.notEqual(message, '');
      assert.doesNotMatch(message, /undefined|\.\.$/);
    }
  }
});
