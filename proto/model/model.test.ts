/** The written protocol, searched through: as it should be, and with each of its rules broken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { broken, canonicalizer, type InvariantName, isSettled, steps } from './model.ts';
import { type Rules, sound } from './rules.ts';
import { DEAD_END, type Result, search } from './search.ts';
import { beginning, type Faults, type Scope, worldOf } from './state.ts';

const MAX_STATES = 400_000;

function explore(scope: Scope, rules: Rules = sound): Result {
  const world = worldOf(scope, rules);
  return search({
    beginning: beginning(world),
    steps: (state) => steps(state, world),
    canonical: canonicalizer(),
    broken: (state) => broken(state, world),
    isGoal: (state) => isSettled(state, world),
    maxStates: MAX_STATES,
  });
}

/** A person crosses the line at each moment. */
function busy(moments: number, faults: Partial<Faults>, group = 1): Scope {
  return { moments, group, window: 1, faults, events: Array.from({ length: moments }, (_, index) => index + 1) };
}

const storyOf = (violation: string, story: readonly string[]) => `${violation} breaks after\n${story.join('\n')}`;

const scopes: [string, Scope][] = [
  ['a call is cut and a counter crashes', busy(2, { cuts: 1, counterCrashes: 1 })],
  ['an answer of the ledger is lost or late, and a call is cut', busy(2, { lostAnswers: 1, cuts: 1 })],
  ['the agent\'s container dies, and a counter does', busy(2, { containerCrashes: 1, counterCrashes: 1 })],
  ['the ring overflows while a counter crashes', busy(4, { evictions: 2, counterCrashes: 1 }, 2)],
  ['a counter drains, and a call is cut', { ...busy(2, { drains: 1, cuts: 1 }), events: [2] }],
  ['the floor is empty at times, and two counters crash', { ...busy(3, { counterCrashes: 2 }), events: [2] }],
  ['the agent\'s pod dies, and its successor waits for the camera', busy(3, { podCrashes: 1, blindStarts: 1, renewals: 1 })],
  ['a second pod comes while the first is there', busy(2, { secondPods: 1 })],
  ['two pods take the stream from each other', busy(1, { secondPods: 1, renewals: 2 })],
];

for (const [sentence, scope] of scopes) {
  test(`every invariant holds, and every state can end well, when ${sentence}`, (t) => {
    const { states, transitions, depth, violation, deadEnd } = explore(scope);
    t.diagnostic(`${states} states, ${transitions} steps between them, the farthest ${depth} from the beginning`);
    assert.equal(violation, undefined, violation && storyOf(violation.invariant, violation.story));
    assert.equal(deadEnd, undefined, deadEnd && storyOf(DEAD_END, deadEnd));
  });
}

for (const [defence, names] of [
  ['the version that a write names', ['termFence', 'positionFence', 'totalsFence']],
  ['the fence, as long as terms are taken by compare-and-swap,', ['versionChecked']],
] as [string, (keyof Rules)[]][]) {
  test(`${defence} is enough to keep late commits out`, () => {
    const rules: Rules = { ...sound, ...Object.fromEntries(names.map((name) => [name, false])) };
    const { violation, deadEnd } = explore(busy(2, { lostAnswers: 1, counterCrashes: 1 }), rules);
    assert.deepEqual([violation, deadEnd], [undefined, undefined]);
  });
}

test('the search sees a violation, its shortest story, and a state that leads nowhere', () => {
  // Whole numbers from 0, with steps of 1 and 2; 5 leads nowhere but to itself.
  const numbers = (wrong: (state: number) => string | undefined) =>
    search<number>({
      beginning: 0,
      steps: (state) => (state >= 5 ? [{ does: 'stay', to: state }] : [{ does: 'one', to: state + 1 }, { does: 'two', to: state + 2 }]),
      canonical: String,
      broken: wrong,
      isGoal: (state) => state === 6,
      maxStates: 10,
    });
  assert.deepEqual(numbers((state) => (state === 4 ? 'Four' : undefined)).violation, { invariant: 'Four', story: [' 1. two', ' 2. two'] });
  const { violation, deadEnd, states } = numbers(() => undefined);
  assert.deepEqual([violation, states], [undefined, 7]);
  assert.deepEqual(deadEnd, [' 1. one', ' 2. two', ' 3. two']);
});

type Bug = [sentence: string, breaks: InvariantName | typeof DEAD_END, rules: (keyof Rules)[], scope: Scope];

const crash = busy(2, { counterCrashes: 1 });
const cut = busy(2, { cuts: 1 });

const bugs: Bug[] = [
  ['commits what is not stored', 'CommittedIsStored', ['storeBeforeCommit'], crash],
  ['releases what is not committed', 'ReleasedIsCommitted', ['commitBeforeRelease'], crash],
  ['lets an earlier term commit', 'OneTermCommits', ['versionChecked', 'termFence'], cut],
  ['lets an earlier position of the same term be committed', 'TotalsNeverFall', ['versionChecked', 'positionFence', 'totalsFence'], busy(2, { lostAnswers: 1 })],
  ['does not stop when it is fenced', 'OneTermCommits', ['fencedStops'], cut],
  ['does not declare what the ring dropped', 'NumbersInOrder', ['gapsDeclared'], busy(3, { evictions: 2 })],
  ['does not record the gap that is declared', 'NothingLost', ['gapsRecorded'], busy(3, { evictions: 2 })],
  ['goes on from before a gap that is recorded', 'NothingTwice', ['gapsPassed'], busy(4, { evictions: 3, counterCrashes: 1 })],
  ['drops a checkpoint whose commit is not known', 'CommittedIsStored', ['uncommittedKept'], cut],
  ['goes on from a checkpoint before the committed position', DEAD_END, ['resumeChecked'], crash],
  ['does so, and no fence is there', 'TotalsNeverFall', ['resumeChecked', 'positionFence', 'totalsFence'], crash],
  ['goes on from a checkpoint of another session', 'TotalsNeverFall', ['otherSessionForgotten', 'totalsFence'], busy(2, { secondPods: 1, renewals: 1 })],
  ['lets a superseded session come back, and no fence is there', 'TotalsNeverFall', ['supersededRefused', 'totalsFence'], busy(2, { secondPods: 1 })],
  ['does not declare what lies between two sessions', 'NothingLost', ['takeoverDeclared'], busy(3, { podCrashes: 1 })],
  ['trims the ring past the released checkpoint', 'GapsAreTrue', ['ringKeepsCheckpoint'], crash],
  ['counts again what another session has counted', 'NothingTwice', ['overlapPassedOver'], busy(2, { secondPods: 1 })],
  ['declares a takeover up to the start of the agent only', 'NothingLost', ['declaredToFirstUnit'], busy(4, { podCrashes: 1, blindStarts: 1 })],
];

for (const [sentence, breaks, names, scope] of bugs) {
  test(`a protocol that ${sentence} is caught by ${breaks}`, (t) => {
    const rules: Rules = { ...sound, ...Object.fromEntries(names.map((name) => [name, false])) };
    const { violation, deadEnd } = explore(scope, rules);
    const found = violation ?? (deadEnd && { invariant: DEAD_END, story: deadEnd });
    assert.ok(found !== undefined, 'nothing was found');
    t.diagnostic(storyOf(found.invariant, found.story));
    assert.equal(found.invariant, breaks);
  });
}
