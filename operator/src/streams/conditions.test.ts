import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type Observed } from './conditions.ts';
import { countsOf, observedOf, pendingPod, poolOf, reported, runningPod, streamOf, unscheduledPod } from '../fixtures/objects.ts';

/** What is observed, the reason why the stream is not ready, and words that the message must contain. */
const troubles: readonly [what: string, observed: Partial<Observed>, reason: string, words: RegExp][] = [
  ['a suspended stream', { stream: streamOf({ suspend: true }), pod: undefined }, 'Suspended', /spec\.suspend/],
  ['a spec that is invalid in a cluster', { fault: 'spec.source.url: must begin with rtsp://' }, 'InvalidSpec', /spec\.source\.url/],
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
  ['no pod yet', { pod: undefined }, 'AgentStarting', /being created/],
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
    'an image that cannot be pulled',
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
    'a container that cannot be created',
    { pod: pendingPod({ waiting: { reason: 'CreateContainerConfigError', message: 'no such key' } }) },
    'Failing',
    /no such key/,
  ],
  ['a container that is starting', { pod: pendingPod({ waiting: { reason: 'ContainerCreating' } }) }, 'AgentStarting', /starting/],
  [
    'a node that is lost',
    { pod: { ...runningPod, status: { ...runningPod.status!, conditions: [{ type: 'Ready', status: 'False' }] } } },
    'NodeLost',
    /edge-1/,
  ],
  [
    'a pod that is terminating',
    { pod: { ...runningPod, metadata: { ...runningPod.metadata!, deletionTimestamp: '2026-11-22T12:00:00Z' } } },
    'AgentStarting',
    /being replaced/,
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
    'a camera with another password',
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
  ['an agent that no counter serves', { stream: streamOf() }, 'CounterUnavailable', /not connected to a counter/],
  [
    'an agent that left its counter',
    { stream: streamOf({}, reported('Disconnected', { reason: 'AgentGone', message: 'the agent fell silent' })) },
    'CounterUnavailable',
    /AgentGone: the agent fell silent\.$/,
  ],
  ['a counter that is gone', { pool: poolOf({ ready: new Map() }) }, 'CounterUnavailable', /No counter is ready/],
  [
    'a pool without counters',
    { stream: streamOf(), pool: poolOf({ ready: new Map(), maximum: 0 }) },
    'CounterUnavailable',
    /counter\.maximum is 0/,
  ],
  [
    'a pool without a free GPU',
    { stream: streamOf(), pool: poolOf({ ready: new Map(), trouble: 'Counter c cannot be scheduled: 3 Insufficient nvidia.com/gpu.' }) },
    'CounterUnavailable',
    /nvidia\.com\/gpu/,
  ],
  ['a pool that is full', { stream: streamOf(), pool: poolOf({ full: true, maximum: 1 }) }, 'CounterFull', /its maximum of 1/],
  [
    'a pool that is full, without a free GPU for another counter',
    { stream: streamOf(), pool: poolOf({ full: true, trouble: 'Counter c cannot be scheduled: Insufficient nvidia.com/gpu.' }) },
    'CounterFull',
    /Another counter cannot start: Counter c cannot be scheduled/,
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

test('all conditions of a stream that is counted and sound are good', () => {
  const judgements = judge(observedOf());
  for (const [type, { status }] of Object.entries(judgements)) assert.equal(status, type.endsWith('Doubtful') ? 'False' : 'True', type);
  assert.match(judgements.Ready.message, /counter-a/);
});

test('a finding of the counter becomes its condition, with reason and sentence, and the stream stays ready', () => {
  const finding = { type: 'PictureUsable', reason: 'PictureFrozen', message: 'It stands still.', since: '2026-11-22T12:00:00Z' } as const;
  const counts = { ...countsOf(), findings: [finding] };
  const found = judge(observedOf({ stream: streamOf({}, { ...reported('Counting'), counts }) }));
  assert.deepEqual(found.PictureUsable, { status: 'False', reason: 'PictureFrozen', message: 'It stands still.' });
  assert.equal(found.Ready.status, 'True');
  const away = judge(observedOf({ stream: streamOf({}, { ...reported('Interrupted'), counts }) }));
  assert.equal(away.PictureUsable.status, 'Unknown', 'what was found is not known to be so any more');
});

test('lines that nobody can cross are doubtful by the spec alone, and by figures once people were seen', () => {
  const bottom = { name: 'bottom', from: { x: 0, y: 1000 }, to: { x: 1000, y: 1000 } };
  const { GeometryDoubtful } = judge(observedOf({ stream: streamOf({ lines: [bottom] }), pod: undefined }));
  assert.deepEqual([GeometryDoubtful.status, GeometryDoubtful.reason], ['True', 'LineAtEdge']);
  assert.match(GeometryDoubtful.message, /^spec\.lines\[0\] \(bottom\) can hardly be crossed.*\.$/);
  const finding = { type: 'GeometryDoubtful', reason: 'LineTooShort', message: 'It is short.', since: '2026-11-22T12:00:00Z' } as const;
  const stream = streamOf({}, { ...reported('Counting'), counts: { ...countsOf(), findings: [finding] } });
  assert.deepEqual(judge(observedOf({ stream })).GeometryDoubtful, { status: 'True', reason: 'LineTooShort', message: 'It is short.' });
});

test('without a running agent and a counter, the state of the camera is unknown', () => {
  assert.equal(judge(observedOf({ pod: undefined })).CameraConnected.status, 'Unknown');
  assert.equal(judge(observedOf({ pool: poolOf({ ready: new Map() }) })).CameraConnected.status, 'Unknown');
});

test('a report from before a restart of the counter is outdated', () => {
  const startedAt = Date.parse('2026-11-22T13:00:00Z');
  assert.equal(judge(observedOf({ pool: poolOf({ ready: new Map([['counter-a', startedAt]]) }) })).Ready.reason, 'CounterUnavailable');
});

test('an agent of an earlier spec does not make the stream ready', () => {
  const deployment = (status: object) => ({ metadata: { name: 'door-agent', generation: 2 }, status });
  assert.equal(judge(observedOf({ deployment: deployment({ observedGeneration: 1, updatedReplicas: 1 }) })).Ready.reason, 'AgentStarting');
  assert.equal(judge(observedOf({ deployment: deployment({ observedGeneration: 2 }) })).Ready.reason, 'AgentStarting');
  assert.equal(judge(observedOf({ deployment: deployment({ observedGeneration: 2, updatedReplicas: 1 }) })).Ready.status, 'True');
});

test('a stream that is counted by its earlier spec is ready for the generation of that spec', () => {
  const { Ready, AgentAvailable } = judge(observedOf({ stream: streamOf({}, reported('Counting', { observedGeneration: 2 })) }));
  assert.equal(Ready.observedGeneration, 2);
  assert.equal(AgentAvailable.observedGeneration, undefined);
});

test('the message of an agent whose node is lost does not ask for a label', () => {
  const pod = unscheduledPod(
    "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector.",
  );
  const { Ready } = judge(
    observedOf({ pod, former: { ...runningPod, metadata: { ...runningPod.metadata!, deletionTimestamp: '2026-11-22T12:00:00Z' } } }),
  );
  assert.equal(Ready.reason, 'NodeLost');
  assert.match(Ready.message, /edge-1/);
});

test('the condition of an agent that crashes stays the same at each restart', () => {
  const line = (time: string) => JSON.stringify({ level: 'error', time, sentence: 'ffmpeg is missing.', msg: 'failed' });
  const crashed = (time: string) =>
    judge(
      observedOf({ pod: pendingPod({ waiting: { reason: 'CrashLoopBackOff' } }, { terminated: { exitCode: 1, message: line(time) } }) }),
    ).Ready;
  const restarted = judge(observedOf({ pod: pendingPod({ running: {} }, { terminated: { exitCode: 1, message: line('12:00') } }) })).Ready;
  assert.deepEqual(crashed('12:00'), crashed('12:05'));
  assert.deepEqual(restarted, crashed('12:00'));
  assert.match(restarted.message, /ffmpeg is missing\.$/);
});

test('a refusal stays valid when the counter is gone', () => {
  const stream = streamOf({}, reported('Refused', { reason: 'ModelUnavailable', message: 'There is no model x.' }));
  assert.equal(judge(observedOf({ stream, pool: poolOf({ ready: new Map([['counter-b', 0]]) }) })).Ready.reason, 'ModelUnavailable');
});

test('every reason is one word, and every message is complete', () => {
  for (const [, observed] of troubles) {
    for (const { reason, message } of Object.values(judge(observedOf(observed)))) {
      assert.match(reason, /^[A-Z][A-Za-z]+$/);
      assert.notEqual(message, '');
      assert.doesNotMatch(message, /undefined|\.\.$/);
    }
  }
});
