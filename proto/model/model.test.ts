/** The written protocol, searched through in small scopes: as it should be, and with its rules broken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busy, explore, type PlantedBug, type RuleName, testPlantedBug, testScope } from './explore.ts';
import { DEAD_END, search } from './search.ts';

testScope('the ring overflows while a counter crashes', busy(4, { evictions: 2, counterCrashes: 1 }, 2));
testScope('the floor is empty at times, and two counters crash', { ...busy(3, { counterCrashes: 2 }), events: [2] });

for (const [defence, off] of [
  ['the version that a write names', ['termFence', 'positionFence', 'totalsFence']],
  ['the fence, as long as terms are taken by compare-and-swap,', ['versionChecked']],
] as [string, RuleName[]][]) {
  test(`${defence} is enough to keep late commits out`, () => {
    const { violation, deadEnd } = explore(busy(2, { lostAnswers: 1, counterCrashes: 1 }), off);
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

const crash = busy(2, { counterCrashes: 1 });
const cut = busy(2, { cuts: 1 });
const lostAnswer = busy(2, { lostAnswers: 1 });
const full = busy(3, { evictions: 2 });

const bugs: Record<string, PlantedBug> = {
  'commits what is not stored': { breaks: 'CommittedIsStored', off: ['storeBeforeCommit'], scope: crash },
  'releases what is not committed': { breaks: 'ReleasedIsCommitted', off: ['commitBeforeRelease'], scope: crash },
  'lets an earlier term commit': { breaks: 'OneTermCommits', off: ['versionChecked', 'termFence'], scope: cut },
  'lets an earlier position of the same term be committed': {
    breaks: 'TotalsNeverFall', off: ['versionChecked', 'positionFence', 'totalsFence'], scope: lostAnswer,
  },
  'does not stop when it is fenced': { breaks: 'OneTermCommits', off: ['fencedStops'], scope: cut },
  'does not declare what the ring dropped': { breaks: 'NumbersInOrder', off: ['gapsDeclared'], scope: full },
  'does not record the gap that is declared': { breaks: 'NothingLost', off: ['gapsRecorded'], scope: full },
  'goes on from before a gap that is recorded': {
    breaks: 'NothingTwice', off: ['gapsPassed'], scope: busy(3, { evictions: 2, counterCrashes: 1 }),
  },
  'drops a checkpoint whose commit is not known': { breaks: 'CommittedIsStored', off: ['uncommittedKept'], scope: cut },
  'goes on from a checkpoint before the committed position': { breaks: DEAD_END, off: ['resumeChecked'], scope: crash },
  'does so, and no fence is there': { breaks: 'TotalsNeverFall', off: ['resumeChecked', 'positionFence', 'totalsFence'], scope: crash },
  'does not declare what lies between two sessions': {
    breaks: 'NothingLost', off: ['takeoverDeclared'], scope: busy(3, { podCrashes: 1 }),
  },
  'trims the ring past the released checkpoint': { breaks: 'GapsAreTrue', off: ['ringKeepsCheckpoint'], scope: crash },
  'counts again what another session has counted': {
    breaks: 'NothingTwice', off: ['overlapPassedOver'], scope: busy(2, { secondPods: 1 }),
  },
  'declares a takeover up to the start of the agent only': {
    breaks: 'NothingLost', off: ['declaredToFirstUnit'], scope: busy(3, { podCrashes: 1, blindStarts: 1 }),
  },
};

for (const [sentence, bug] of Object.entries(bugs)) testPlantedBug(sentence, bug);
