/** The written protocol, searched through in small scopes: as it should be, and with its rules broken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busy, delivering, explore, type PlantedBug, type RuleName, testPlantedBug, testScope } from './explore.ts';
import { DEAD_END, search } from './search.ts';

testScope('the ring overflows while a counter crashes', busy(4, { evictions: 2, counterCrashes: 1 }, 2));
testScope('the floor is empty at times, and two counters crash', { ...busy(3, { counterCrashes: 2 }), events: [2] });
testScope(
  'an outbox overflows, a counter crashes, and the receiver stays away',
  delivering(busy(2, { counterCrashes: 1, receiverAway: 1 }), 1),
);
testScope('an event waits while an answer of the ledger is lost or late, and a counter drains', {
  ...delivering(busy(2, { lostAnswers: 1, drains: 1 }), 1),
  events: [1],
});

for (const [defence, off] of [
  ['the version that a write names', ['termFence', 'positionFence', 'totalsFence', 'cursorFence']],
  ['the fence, as long as terms are taken by compare-and-swap,', ['versionChecked']],
] as [string, RuleName[]][]) {
  test(`${defence} is enough to keep late commits out`, () => {
    for (const scope of [busy(2, { lostAnswers: 1, counterCrashes: 1 }), delivering(busy(2, { lostAnswers: 1 }), 1)]) {
      const { violation, deadEnd } = explore(scope, off);
      assert.deepEqual([violation, deadEnd], [undefined, undefined]);
    }
  });
}

test('the search sees a violation, its shortest story, and a state that leads nowhere', () => {
  // Whole numbers from 0, with steps of 1 and 2; 5 leads nowhere but to itself.
  const numbers = (wrong: (state: number) => string | undefined) =>
    search<number>({
      beginning: 0,
      steps: (state) =>
        state >= 5
          ? [{ does: 'stay', to: state }]
          : [
              { does: 'one', to: state + 1 },
              { does: 'two', to: state + 2 },
            ],
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
    breaks: 'TotalsNeverFall',
    off: ['versionChecked', 'positionFence', 'totalsFence'],
    scope: lostAnswer,
  },
  'does not stop when it is fenced': { breaks: 'OneTermCommits', off: ['fencedStops'], scope: cut },
  'does not declare what the ring dropped': { breaks: 'NumbersInOrder', off: ['gapsDeclared'], scope: full },
  'does not record the gap that is declared': { breaks: 'NothingLost', off: ['gapsRecorded'], scope: full },
  'goes on from before a gap that is recorded': {
    breaks: 'NothingTwice',
    off: ['gapsPassed'],
    scope: busy(3, { evictions: 2, counterCrashes: 1 }),
  },
  'drops a checkpoint whose commit is not known': { breaks: 'CommittedIsStored', off: ['uncommittedKept'], scope: cut },
  'goes on from a checkpoint before the committed position': { breaks: DEAD_END, off: ['resumeChecked'], scope: crash },
  'does so, and no fence is there': { breaks: 'TotalsNeverFall', off: ['resumeChecked', 'positionFence', 'totalsFence'], scope: crash },
  'does not declare what lies between two sessions': {
    breaks: 'NothingLost',
    off: ['takeoverDeclared'],
    scope: busy(3, { podCrashes: 1 }),
  },
  'trims the ring past the released checkpoint': { breaks: 'GapsAreTrue', off: ['ringKeepsCheckpoint'], scope: crash },
  'counts again what another session has counted': {
    breaks: 'NothingTwice',
    off: ['overlapPassedOver'],
    scope: busy(2, { secondPods: 1 }),
  },
  'declares a takeover up to the start of the agent only': {
    breaks: 'NothingLost',
    off: ['declaredToFirstUnit'],
    scope: busy(3, { podCrashes: 1, blindStarts: 1 }),
  },
};

const oneEvent = delivering(busy(1, { counterCrashes: 1 }), 1);
const overflow = delivering(busy(2, {}), 1);

const deliveryBugs: Record<string, PlantedBug> = {
  'delivers what is not committed': { breaks: 'DeliveredIsCommitted', off: ['deliverAfterCommit'], scope: oneEvent },
  'declares lost what is not committed': { breaks: 'DeliveredIsCommitted', off: ['lossAfterCommit'], scope: overflow },
  'leaves to the earlier term what that has committed': { breaks: DEAD_END, off: ['earlierTermsDelivered'], scope: oneEvent },
  'moves the cursor before the receiver answers': { breaks: 'DeliveredOrDeclared', off: ['cursorAfterReceipt'], scope: oneEvent },
  'leaves the events that wait out of the checkpoint': { breaks: 'LossesAreTrue', off: ['outboxInCheckpoint'], scope: oneEvent },
  'lets any number of events wait': { breaks: 'OutboxBounded', off: ['outboxBounded'], scope: overflow },
  'drops events without declaring them lost': { breaks: 'DeliveredOrDeclared', off: ['lossDeclared'], scope: overflow },
  "resumes from a cursor behind the ledger's": { breaks: 'CursorNeverFalls', off: ['cursorResumed'], scope: oneEvent },
  'lets an earlier cursor be committed': {
    breaks: 'CursorNeverFalls',
    off: ['versionChecked', 'cursorFence'],
    scope: delivering(busy(1, { lostAnswers: 1 }), 1),
  },
  'ends the last call before its events are delivered': { breaks: DEAD_END, off: ['endDelivers'], scope: oneEvent },
};

for (const [sentence, bug] of Object.entries({ ...bugs, ...deliveryBugs })) testPlantedBug(sentence, bug);
