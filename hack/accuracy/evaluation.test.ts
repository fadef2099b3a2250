import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trackerSettings } from '../../counter-service/src/tracking/tracker.ts';
import { countCrossings, disturb, type Footage, randomLines, trueCrossings } from './evaluation.ts';
import { accuracyOf, agreement } from './matching.ts';
import { readMot } from './mot.ts';

const footage: Footage = {
  framesPerSecond: 10,
  layout: { picture: { width: 800, height: 600 }, lines: [{ name: 'door', from: { x: 500, y: 1000 }, to: { x: 500, y: 0 } }], zones: [] },
};

/** Two people, of whom one goes in and one goes out, ten seconds apart. */
const walkers = readMot(
  Array.from({ length: 140 }, (_, index) =>
    [
      ...(index < 40 ? [`${index + 1},1,${230 + 8 * index},200,40,100,0.9`] : []),
      ...(index >= 100 ? [`${index + 1},2,${540 - 8 * (index - 100)},220,40,100,0.9`] : []),
    ].join('\n'),
  ).join('\n'),
);

test('MOT text is read as boxes by frame, with empty frames', () => {
  assert.deepEqual(readMot('1,7,10,20,30,40,0.5,-1,-1,-1\n3,-1,1,2,3,4,1\n', 4), [
    [{ id: 7, left: 10, top: 20, right: 40, bottom: 60, score: 0.5 }],
    [],
    [{ id: -1, left: 1, top: 2, right: 4, bottom: 6, score: 1 }],
    [],
  ]);
});

test('on clean boxes tracker and counter find the true crossings', () => {
  const truth = trueCrossings(walkers, footage);
  assert.deepEqual(
    truth.map((event) => [event.direction, event.track]),
    [
      ['in', 1],
      ['out', 2],
    ],
  );
  assert.equal(accuracyOf(agreement(countCrossings(walkers, footage, trackerSettings(0.4)), truth)).f1, 1);
  assert.equal(accuracyOf(agreement(countCrossings(walkers, footage, trackerSettings(0.4), { every: 2, first: 1 }), truth)).f1, 1);
});

test('the same seed gives the same random lines and disturbances', () => {
  assert.deepEqual(randomLines(5, 3), randomLines(5, 3));
  assert.notDeepEqual(randomLines(5, 3), randomLines(5, 4));
  assert.deepEqual(disturb(walkers, { jitter: 0.1, lost: 0.2, seed: 1 }), disturb(walkers, { jitter: 0.1, lost: 0.2, seed: 1 }));
});
