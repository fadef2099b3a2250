import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelInput } from '../fixtures/model-input.ts';
import { fullPicturePlan, toSource, type Plan } from './plan.ts';

const { multiple: _, ...oneSize } = modelInput;

test('the full picture keeps its shape and is padded up to the next multiple', () => {
  const sizes: [string, string, string][] = [
    ['768x576', '512x384', '512x384'],
    ['768x432', '640x360', '640x384'],
    ['1920x1080', '640x360', '640x384'],
    ['480x640', '288x384', '288x384'],
    ['352x288', '469x384', '480x384'],
  ];
  for (const [source, picture, input] of sizes) {
    const plan = fullPicturePlan(size(source), modelInput);
    assert.deepEqual([plan.picture, plan.input], [size(picture), size(input)], source);
    assert.deepEqual(plan.crop, { left: 0, top: 0, ...size(source) });
  }
});

test('a model of one size gets that size: padded or stretched', () => {
  assert.deepEqual(fullPicturePlan(size('768x576'), oneSize), whole('768x576', '512x384', '640x384'));
  assert.deepEqual(fullPicturePlan(size('768x576'), { ...oneSize, resize: { fit: 'stretch' } }), whole('768x576', '640x384', '640x384'));
});

test('boxes come back to the source through padding, scale and crop', () => {
  const plan: Plan = {
    crop: { left: 100, top: 50, width: 400, height: 200 },
    picture: { width: 200, height: 50 },
    input: { width: 224, height: 64 },
  };
  const box = { left: 10, top: 5, right: 20, bottom: 25, score: 0.9 };
  assert.deepEqual(toSource([box], plan), [{ left: 120, top: 70, right: 140, bottom: 150, score: 0.9 }]);
});

test('a box that reaches into the padding ends at the picture, one within it is dropped', () => {
  const plan = whole('400x200', '200x100', '224x128');
  const reaching = { left: 190, top: 90, right: 215, bottom: 120, score: 0.9 };
  const within = { left: 202, top: 10, right: 220, bottom: 60, score: 0.9 };
  assert.deepEqual(toSource([reaching, within], plan), [{ left: 380, top: 180, right: 400, bottom: 200, score: 0.9 }]);
});

function size(text: string): { width: number; height: number } {
  const [width = 0, height = 0] = text.split('x').map(Number);
  return { width, height };
}

function whole(source: string, picture: string, input: string): Plan {
  return { crop: { left: 0, top: 0, ...size(source) }, picture: size(picture), input: size(input) };
}
