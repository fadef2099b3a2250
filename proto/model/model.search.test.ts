/** The written protocol, searched through in the larger scopes. `npm run test:all` runs them. */
import { busy, delivering, testPlantedBug, testScope } from './explore.ts';

testScope('a call is cut and a counter crashes', busy(2, { cuts: 1, counterCrashes: 1 }));
testScope('an answer of the ledger is lost or late, and a call is cut', busy(2, { lostAnswers: 1, cuts: 1 }));
testScope("the agent's container dies, and a counter does", busy(2, { containerCrashes: 1, counterCrashes: 1 }));
testScope('a counter drains, and a call is cut', { ...busy(2, { drains: 1, cuts: 1 }), events: [2] });
testScope("the agent's pod dies, and its successor waits for the camera", busy(3, { podCrashes: 1, blindStarts: 1, renewals: 1 }));
testScope('a second pod comes while the first is there', busy(2, { secondPods: 1 }));
testScope('two pods take the stream from each other', busy(1, { secondPods: 1, renewals: 2 }));
testScope('a call is cut while events wait', delivering(busy(2, { cuts: 1 }), 2));
testScope("the agent's pod dies while events wait", delivering({ ...busy(3, { podCrashes: 1, renewals: 1 }), events: [1, 3] }, 1));

testPlantedBug('goes on from a checkpoint of another session', {
  breaks: 'TotalsNeverFall',
  off: ['otherSessionForgotten', 'totalsFence'],
  scope: busy(1, { secondPods: 1, renewals: 1 }),
});
testPlantedBug('lets a superseded session come back, and no fence is there', {
  breaks: 'TotalsNeverFall',
  off: ['supersededRefused', 'totalsFence'],
  scope: busy(2, { secondPods: 1 }),
});
