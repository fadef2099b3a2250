import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CountsStatus, StreamStatus } from '#crds/schema.ts';
import {
  type CameraStreamObject,
  entryForClaim,
  entryForRefusal,
  entryForWithdrawal,
  readingOf,
  streamStatus,
  withEmptyZones,
} from './entry.ts';

const counts: CountsStatus = {
  term: 3,
  session: 's1',
  position: 500,
  time: '2026-01-01T00:00:50Z',
  in: 7,
  out: 2,
  inside: 5,
  lines: [{ name: 'entrance', in: 7, out: 2 }],
  zones: [],
  observedSeconds: 50,
  gaps: { count: 1, seconds: 4 },
};
const stream: StreamStatus = { state: 'Counting', counter: 'a', since: '2026-01-01T00:00:00Z', session: 's1', observedGeneration: 1 };
const author = { counter: 'b', session: 's1', now: '2026-01-02T00:00:00Z' };
const resource = (status: CameraStreamObject['status']): CameraStreamObject => ({ metadata: { generation: 4 }, ...(status && { status }) });

test('a stream that no counter has taken reads as term 0', () => {
  assert.deepEqual(readingOf(resource(undefined)), { term: 0, session: undefined, counts: undefined });
});

test('the first claim writes counts of 0, and reads as nothing counted', () => {
  const entry = entryForClaim(resource(undefined), author);
  assert.deepEqual([entry.counts.term, entry.counts.session, entry.counts.position, entry.counts.in], [1, 's1', 0, 0]);
  assert.deepEqual(entry.stream, { state: 'Starting', counter: 'b', since: author.now, session: 's1', observedGeneration: 4 });
  assert.deepEqual(readingOf(resource(entry)), { term: 1, session: 's1', counts: undefined });
});

test('a claim for the same session takes the next term, and all counts with it', () => {
  assert.deepEqual(entryForClaim(resource({ counts, stream }), author).counts, { ...counts, term: 4 });
});

test('a claim for another session keeps the totals and begins at its first access unit', () => {
  const entry = entryForClaim(resource({ counts, stream }), { ...author, session: 's2' });
  assert.deepEqual(entry.counts, { ...counts, term: 4, session: 's2', position: 0 });
  assert.equal(readingOf(resource(entry)).counts?.in, 7, 'and is not blank');
});

test('since is the time at which state, reason or counter last changed', () => {
  const report = { state: 'Counting' } as const;
  assert.equal(streamStatus(stream, { ...report, observedGeneration: 2 }, { ...author, counter: 'a' }).since, stream.since);
  assert.equal(streamStatus(stream, report, author).since, author.now);
  assert.equal(streamStatus(stream, { state: 'Interrupted', reason: 'CameraLost' }, { ...author, counter: 'a' }).since, author.now);
});

const refusal = { state: 'Refused', reason: 'ModelUnavailable', message: 'There is no model.' } as const;
const cases: readonly [string, StreamStatus | undefined, boolean][] = [
  ['of a stream that no counter has taken', undefined, true],
  ['of a stream whose agent went', { ...stream, state: 'Disconnected' }, true],
  ['of a stream that is over', { ...stream, state: 'Ended' }, true],
  ['of a stream that was refused for another reason', { ...stream, state: 'Refused', reason: 'UnsupportedCodec' }, true],
  ['of a stream that was refused with the same report', { ...stream, observedGeneration: undefined, ...refusal }, false],
  ['of a stream that another counter starts', { ...stream, state: 'Starting' }, false],
  ['of a stream that another counter counts', stream, false],
  ['of a stream whose camera another counter waits for', { ...stream, state: 'Interrupted' }, false],
  ['of a stream that this counter counted before it restarted', { ...stream, counter: 'b' }, true],
  ['of a stream that another counter counted for the session that calls here', { ...stream, session: 's9' }, true],
];
for (const [what, before, written] of cases) {
  test(`a refusal ${what} is ${written ? '' : 'not '}written`, () => {
    const entry = entryForRefusal(resource({ counts, ...(before && { stream: before }) }), refusal, { ...author, session: 's9' });
    assert.equal(entry !== undefined, written);
    if (entry === undefined) return;
    assert.deepEqual(entry.counts, counts, 'server-side apply would remove counts that are left out');
    assert.equal(entry.stream?.session, before?.session, 'the session of the term stays known');
  });
}

test('committed counts are never blank, even when all of them are 0', () => {
  const little = {
    ...counts,
    position: 3,
    in: 0,
    out: 0,
    inside: 0,
    lines: [],
    zones: [],
    observedSeconds: 0,
    gaps: { count: 0, seconds: 0 },
  };
  const once = entryForClaim(resource({ counts: little, stream }), { ...author, session: 's2' });
  const twice = entryForClaim(resource(once), { ...author, session: 's2' });
  assert.deepEqual(readingOf(resource(twice)).counts, { ...readingOf(resource(once)).counts, session: 's2' });
  assert.equal(readingOf(resource(twice)).counts?.time, counts.time);
});

test('counts stay blank over any number of terms that commit nothing', () => {
  const twice = entryForClaim(resource(entryForClaim(resource(undefined), author)), { ...author, session: 's2' });
  assert.deepEqual(readingOf(resource(twice)), { term: 2, session: 's2', counts: undefined });
});

const undecodable: StreamStatus = {
  ...stream,
  state: 'Refused',
  reason: 'UnsupportedCodec',
  message: 'It is not video.',
  observedGeneration: 4,
};
const again: readonly [string, StreamStatus, boolean][] = [
  ['in the same session', undecodable, true],
  ['and whose spec was edited since', { ...undecodable, observedGeneration: 3 }, false],
  ['in a session before this one', { ...undecodable, session: 's0' }, false],
];
for (const [what, before, stays] of again) {
  test(`a claim of a stream that was refused ${what} ${stays ? 'keeps the refusal' : 'starts anew'}`, () => {
    const { stream: after } = entryForClaim(resource({ counts, stream: before }), author);
    const started: StreamStatus = { state: 'Starting', counter: 'b', since: author.now, session: 's1', observedGeneration: 4 };
    assert.deepEqual(after, stays ? { ...before, counter: 'b' } : started);
  });
}

const zones = [{ name: 'queue', occupancy: 2 }];

test('zones are occupied only while the camera is observed', () => {
  for (const state of ['Interrupted', 'Disconnected', 'Ended', 'Refused'] as const) {
    assert.deepEqual(withEmptyZones({ ...counts, zones }, { state }), { ...counts, zones: [{ name: 'queue', occupancy: 0 }] });
  }
  assert.deepEqual(withEmptyZones({ ...counts, zones }, { state: 'Counting' }).zones, zones);
  assert.deepEqual(
    entryForRefusal(resource({ counts: { ...counts, zones }, stream }), refusal, { ...author, counter: 'a' })?.counts?.zones,
    [{ name: 'queue', occupancy: 0 }],
  );
});

const gone = { state: 'Disconnected', reason: 'AgentGone' } as const;
const withdrawals: readonly [string, StreamStatus, number, string | undefined][] = [
  ['that the status still shows as counted', stream, 3, 'AgentGone'],
  ['that another term was taken for', stream, 2, undefined],
  ['that the status has shown another end of since', { ...stream, state: 'Refused', reason: 'ModelUnavailable' }, 3, undefined],
];
for (const [what, before, term, reason] of withdrawals) {
  test(`the last report of a stream ${what} is ${reason === undefined ? 'not ' : ''}written late`, () => {
    assert.equal(entryForWithdrawal(resource({ counts, stream: before }), term, gone, author.now)?.stream.reason, reason);
  });
}

test('a term that was lost while it counted is shown as Disconnected', () => {
  const entry = entryForWithdrawal(resource({ counts: { ...counts, zones }, stream }), 3, { state: 'Counting' }, author.now);
  assert.deepEqual([entry?.stream.state, entry?.stream.since, entry?.counts.zones[0]?.occupancy], ['Disconnected', author.now, 0]);
});
