/** Which of the declared gaps are valid in the end, and what an agent must not declare as one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Note, Noted } from './notes.ts';
import { declaredGaps, sessionsOf } from './sessions.ts';
import type { Taped } from './tape.ts';

const hello: Note = { hello: { session: 's', sessionStartMicros: 0, lastTerm: 0 } };
const gap = (after: number, next: number, reason = 'RING_FULL') => ({
  gap: { after, next, fromMicros: after - 1, toMicros: next - 1, reason },
});
const noted = (...notes: Note[]): Noted[] => notes.map((note) => ({ ...note, at: 0 }));

function tape(units: number, ...brokenBefore: number[]): Taped {
  const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 1, height: 1, decodeDelay: 0 };
  const interruption = { fromMicros: 0, toMicros: 0, reason: 'CAMERA_LOST' as const };
  return {
    codec,
    units: Array.from({ length: units }, (_, index) => ({
      number: index + 1,
      presentationMicros: index,
      keyframe: true,
      data: new Uint8Array(),
      at: 0,
      ...(brokenBefore.includes(index + 1) && { interruption }),
    })),
  };
}

const nextOf = (notes: Noted[]) => declaredGaps(notes, 's').map(({ next }) => next);

test('a gap that the checkpoint contains is not declared again', () => {
  assert.deepEqual(nextOf(noted(hello, { resume: {} }, gap(3, 7), { resume: { gapNext: 7 } }, gap(3, 7), gap(9, 12))), [7, 12]);
});

test('the next call discards gaps that were declared after the checkpoint from which it resumes', () => {
  assert.deepEqual(nextOf(noted(hello, { resume: {} }, gap(3, 7), { resume: {} }, gap(3, 9))), [9]);
});

test('each session has its own gaps', () => {
  const other: Note = { hello: { session: 't', sessionStartMicros: 0, lastTerm: 0 } };
  assert.deepEqual(nextOf(noted(hello, { resume: {} }, gap(3, 7), other, { resume: {} }, gap(0, 5))), [7]);
});

test('a session that is committed to its end and declared its interruptions has no problem', () => {
  const { films, problems } = sessionsOf(noted(hello, { resume: {} }, gap(4, 5, 'CAMERA_LOST')), [tape(9, 5)], new Map([['s', 9]]));
  assert.deepEqual(problems, []);
  assert.deepEqual(
    films.map(({ upTo, gaps }) => [upTo, gaps.length]),
    [[9, 1]],
  );
});

test('takenMicros of a session is what its agent last sent without a checkpoint', () => {
  const notes = noted(hello, { resume: { takenMicros: 5 } }, hello, { resume: { takenMicros: 7 } }, hello, {
    resume: { takenMicros: 9, gapNext: 0 },
  });
  assert.deepEqual(
    sessionsOf(notes, [tape(9)], new Map([['s', 9]])).films.map(({ takenMicros }) => takenMicros),
    [7],
  );
});

test('of two gaps in a row the second begins where the first ended', () => {
  const problems = (fromMicros: number) =>
    sessionsOf(noted(hello, { resume: {} }, gap(2, 5), { gap: { ...gap(4, 8).gap, fromMicros } }), [tape(9)], new Map([['s', 9]])).problems;
  assert.deepEqual(problems(3), []);
  assert.deepEqual(problems(1), ['the gap from 4 to 8 was declared to last from 1 to 7, not from 3 to 7']);
});

const faults: readonly { what: string; notes: Noted[]; taped: Taped; upTo?: number; problem: RegExp }[] = [
  { what: 'uncommitted access units at the end', notes: noted(hello), taped: tape(9), upTo: 7, problem: /^7 access units of 9/ },
  { what: 'an undeclared interruption', notes: noted(hello, { resume: {} }), taped: tape(9, 5), problem: /broke before access unit 5/ },
  {
    what: 'an interruption that took access units with it',
    notes: noted(hello, { resume: {} }, gap(3, 5, 'CAMERA_LOST')),
    taped: tape(9, 5),
    problem: /from 3 to 5 was declared as CAMERA_LOST/,
  },
  {
    what: 'a declared interruption that did not happen',
    notes: noted(hello, { resume: {} }, gap(4, 5, 'CAMERA_LOST')),
    taped: tape(9),
    problem: /from 4 to 5/,
  },
  {
    what: 'a lost checkpoint',
    notes: noted(hello, { resume: {} }, gap(4, 6, 'CHECKPOINT_LOST')),
    taped: tape(9),
    problem: /CHECKPOINT_LOST/,
  },
  {
    what: 'a gap whose times are not those of the missing access units',
    notes: noted(hello, { resume: {} }, { gap: { ...gap(3, 7).gap, toMicros: 8 } }),
    taped: tape(9),
    problem: /from 3 to 7 was declared to last from 2 to 8, not from 2 to 6/,
  },
  {
    what: 'access units that an agent without a lag limit passed over',
    notes: noted(hello, { resume: {} }, gap(3, 7, 'PASSED_OVER')),
    taped: tape(9),
    problem: /after 3 and before 7 were passed over/,
  },
  {
    what: 'a missing number',
    notes: noted(hello),
    taped: { ...tape(9), units: tape(9).units.filter(({ number }) => number !== 4) },
    problem: /5 was numbered where 4 belongs/,
  },
];
for (const { what, notes, taped, upTo = 9, problem } of faults) {
  test(`a problem: ${what}`, () => {
    const { problems } = sessionsOf(notes, [taped], new Map([['s', upTo]]));
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, problem);
  });
}

test('an agent with a lag limit passes over only what is further behind, and never for a full ring', () => {
  const problems = (maxLagSeconds: number, reason = 'PASSED_OVER') =>
    sessionsOf(noted(hello, { resume: {} }, gap(3, 7, reason)), [tape(9)], new Map([['s', 9]]), maxLagSeconds).problems;
  // The newest is five microseconds behind the first that is missing.
  assert.deepEqual(problems(4e-6), []);
  assert.equal(problems(6e-6).length, 1);
  assert.deepEqual(problems(4e-6, 'RING_FULL'), ['a gap from 3 to 7 was declared as RING_FULL']);
});

test('a problem: more sessions than tapes', () => {
  const { problems } = sessionsOf(noted(hello, { hello: { session: 't', sessionStartMicros: 0, lastTerm: 0 } }), [tape(9)], new Map());
  assert.deepEqual(problems, ['the agent had 2 sessions where it should have had 1']);
});
