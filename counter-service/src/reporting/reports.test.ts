import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counts } from '../fixtures/ledger-process.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';
import { substanceOf } from './reports.ts';

const before: CommittedCounts = { ...counts(1), zones: [{ name: 'hall', occupancy: 2 }], gaps: { count: 1, seconds: 2 } };

const finding = { type: 'PictureUsable', reason: 'PictureBlack', message: 'Black for 20 s.', since: '2026-01-01T00:00:00.000Z' } as const;

const changes: readonly [string, Partial<CommittedCounts>, boolean][] = [
  ['a later position', { position: 99 }, false],
  ['a later time', { time: '2026-01-01T01:00:00.000Z' }, false],
  ['more video observed', { observedSeconds: 99 }, false],
  ['more time doubtful', { doubtfulSeconds: 9 }, false],
  ['a finding', { findings: [finding] }, true],
  ['events delivered', { delivered: { crossings: 1, gaps: 0 } }, false],
  ['another session', { session: 'another' }, true],
  ['a person who went in', { in: 2 }, true],
  ['a crossing of a line', { lines: [{ name: 'entrance', in: 1, out: 1 }] }, true],
  ['a person in a zone', { zones: [{ name: 'hall', occupancy: 3 }] }, true],
  ['a zone more', { zones: [...before.zones, { name: 'queue', occupancy: 0 }] }, true],
  ['a gap', { gaps: { count: 2, seconds: 2 } }, true],
];

for (const [what, change, isWorthAWrite] of changes) {
  test(`${what} is ${isWorthAWrite ? 'worth a write' : 'shown by the next write only'}`, () => {
    assert.equal(substanceOf({ ...before, ...change }) !== substanceOf(before), isWorthAWrite);
  });
}

test('other figures in the sentence of a finding are no change, another reason is one', () => {
  const substance = (change: object) => substanceOf({ ...before, findings: [{ ...finding, ...change }] });
  assert.equal(substance({ message: 'Black for 21 s.' }), substance({}));
  assert.notEqual(substance({ reason: 'PictureFrozen' }), substance({}));
});

test('the order of fields, which the API server chooses, is no change', () => {
  const turned = Object.fromEntries(Object.entries(before).toReversed()) as unknown as CommittedCounts;
  const lines = before.lines.map(
    (line) => Object.fromEntries(Object.entries(line).toReversed()) as unknown as (typeof before.lines)[number],
  );
  assert.equal(substanceOf({ ...turned, lines }), substanceOf(before));
});
