import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CameraStreamSpec } from '#crds/schema.ts';
import { modelInput } from '../fixtures/model-input.ts';
import { inputFor, scoreOf } from './views.ts';

const detectionOf = (detection: object) =>
  CameraStreamSpec.parse({
    source: { url: 'clip.mp4' },
    lines: [{ name: 'door', from: { x: 500, y: 0 }, to: { x: 500, y: 1000 } }],
    detection,
  }).detection;
const oblique = detectionOf({});
const above = detectionOf({ view: 'Above' });

test('seen from above, people are found at lower scores, unless the spec says which', () => {
  assert.deepEqual([scoreOf(oblique), scoreOf(above)], [0.35, 0.15]);
  assert.equal(scoreOf(detectionOf({ view: 'Above', scorePermille: 250 })), 0.25);
});

test('seen from above, people are made smaller, if the model takes another size', () => {
  const sizeOf = ({ width, height }: { width: number; height: number }) => [width, height];
  const input = { ...modelInput, width: 640, height: 384, multiple: 32 };
  assert.deepEqual(sizeOf(inputFor(oblique, input)), [640, 384]);
  assert.deepEqual(sizeOf(inputFor(above, input)), [448, 384]);
  assert.deepEqual(sizeOf(inputFor(above, { ...input, width: 800, height: 800, multiple: 100 })), [400, 300]);
  const { multiple: _, ...fixed } = input;
  assert.deepEqual(sizeOf(inputFor(above, fixed)), [640, 384]);
});
