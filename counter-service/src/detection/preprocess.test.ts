import assert from 'node:assert/strict';
import { test } from 'node:test';
import { colourPlanes, fillPadding, normalise } from './preprocess.ts';

const picture = { width: 2, height: 1 };
const pixels = Buffer.from([10, 20, 30, 40, 50, 60]);

test('bgr24 becomes three planes of (byte - mean) / std, padded right and below', () => {
  const tensor = new Float32Array(3 * 3 * 2);
  const planes = colourPlanes({ channelOrder: 'bgr', mean: [10, 20, 30], std: [10, 10, 5] });
  fillPadding(tensor, planes, 110);
  normalise(pixels, picture, planes, { tensor, input: { width: 3, height: 2 } });
  assert.deepEqual([...tensor], [0, 3, 10, 10, 10, 10, 0, 3, 9, 9, 9, 9, 0, 6, 16, 16, 16, 16]);
});

test('for an rgb model the planes are swapped, and mean and std follow the order of the model', () => {
  const tensor = new Float32Array(3 * 2);
  normalise(pixels, picture, colourPlanes({ channelOrder: 'rgb', mean: [30, 0, 0], std: [1, 1, 2] }), { tensor, input: picture });
  assert.deepEqual([...tensor], [0, 30, 20, 50, 5, 20]);
});
