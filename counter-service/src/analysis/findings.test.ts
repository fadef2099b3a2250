import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_PERSON_SIZE, learnPersonSize } from '../detection/person-size.ts';
import { startRegion } from '../detection/region-planner.ts';
import { createCounter } from '../counting/counter.ts';
import { modelInput } from '../fixtures/model-input.ts';
import { NOTHING_SEEN } from '../picture/picture.ts';
import { NO_CERTAINTY } from './certainty.ts';
import { type Findable, findingsAfter } from './findings.ts';
import { NO_PACE } from './pace.ts';

const picture = { width: 768, height: 576 };
const detection = { model: 'any', framesPerSecond: 10, view: 'Oblique', scorePermille: 400, region: 'auto' } as const;
const low = { name: 'low', from: { x: 0, y: 960 }, to: { x: 1000, y: 960 } };
const view = { lines: [low], zones: [], picture, region: 'auto', input: modelInput } as const;

/** After many people of this height, far and near. */
function seen(height: number): Findable {
  let people = NO_PERSON_SIZE;
  for (let index = 0; index < 400; index += 1) {
    const bottom = index % 2 === 0 ? 400 : 520;
    const box = { left: 300, right: 300 + height / 3, top: bottom - height, bottom, score: 0.9 };
    people = learnPersonSize(people, [box], { picture, seen: { left: 0, top: 0, ...picture } });
  }
  return {
    presentationMicros: 40e6,
    picture: NOTHING_SEEN,
    look: { ...startRegion(view, 0), people },
    counter: createCounter(view),
    pace: NO_PACE,
    certainty: NO_CERTAINTY,
  };
}

test('a line too near to the edge for the people who were seen is doubtful, with figures', () => {
  const findings = findingsAfter([], seen(300), { view, detection });
  assert.deepEqual(
    findings.map(({ type, reason, sinceMicros }) => [type, reason, sinceMicros]),
    [['GeometryDoubtful', 'LineAtEdge', 40e6]],
  );
  assert.match(
    findings[0]!.message,
    /^By the size of the people seen here: Line low can hardly be crossed.*23 of the 31 pixels that it needs\)\.$/,
  );
});

test('the same line is sound for smaller people, and before anybody was seen', () => {
  assert.deepEqual(findingsAfter([], seen(100), { view, detection }), []);
  const unseen = { ...seen(300), look: startRegion(view, 0) };
  assert.deepEqual(findingsAfter([], unseen, { view, detection }), []);
});

test('a finding keeps its time while its reason stays', () => {
  const before = findingsAfter([], seen(300), { view, detection });
  const after = findingsAfter(before, { ...seen(300), presentationMicros: 50e6 }, { view, detection });
  assert.equal(after[0]!.sinceMicros, 40e6);
});

test('too few pictures, and a view that the model does not know, are findings of their own', () => {
  const slow = { ...seen(100), pace: { intervals: 10, micros: 10e6 } };
  const strange = { ...slow, certainty: { samples: 60, sure: 5, doubtful: 50, sampledMicros: 0, before: [] } };
  assert.deepEqual(
    findingsAfter([], strange, { view, detection }).map(({ type, reason }) => [type, reason]),
    [
      ['PaceDoubtful', 'CameraTooSlow'],
      ['DetectionDoubtful', 'UncertainBoxes'],
    ],
  );
});
