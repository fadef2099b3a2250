import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Detection } from './detection.ts';
import { decode, misfit, type Tensor } from './layouts.ts';
import type { ModelOutput } from './manifest.ts';
import { overlap, suppress } from './nms.ts';

const input = { width: 32, height: 32 };
const boxes: ModelOutput = { layout: 'boxes', boxes: 'dets', labels: 'labels', personClasses: [0] };
const yolox: ModelOutput = { layout: 'yolox', tensor: 'output', strides: [16, 32], personClasses: [0, 2], nmsIou: 0.5 };
const yolov8: ModelOutput = { layout: 'yolov8', tensor: 'output0', personClasses: [1], nmsIou: 0.5 };

test('boxes: people above the floor, best first, of the picture asked for', () => {
  const dets = tensor([2, 3, 5], [...Array<number>(15).fill(9), 1, 2, 3, 4, 0.5, 5, 6, 7, 8, 0.75, 0, 0, 0, 0, 0.125]);
  const outputs = { dets, labels: { dims: [2, 3], data: BigInt64Array.of(0n, 0n, 0n, 0n, 0n, 0n) } };
  assert.deepEqual(decode(boxes, outputs, { index: 1, input, scoreFloor: 0.25 }), [box(5, 6, 7, 8, 0.75), box(1, 2, 3, 4, 0.5)]);
  const bicycles = { dets, labels: { dims: [2, 3], data: BigInt64Array.of(0n, 0n, 0n, 1n, 0n, 0n) } };
  assert.deepEqual(decode(boxes, bicycles, { index: 1, input, scoreFloor: 0.25 }), [box(5, 6, 7, 8, 0.75)]);
});

test('yolox: offsets from the cell, sizes in strides, objectness times the best person class', () => {
  const empty = Array<number>(8).fill(0);
  const third = [0.5, 0.25, 0, 0, 0.5, 0.25, 1, 0.5];
  const coarse = [0.5, 0.5, 0, 0, 1, 0, 1, 0.125];
  const outputs = { output: tensor([1, 5, 8], [...empty, ...empty, ...third, ...empty, ...coarse]) };
  assert.deepEqual(decode(yolox, outputs, { index: 0, input, scoreFloor: 0.2 }), [box(0, 12, 16, 28, 0.25)]);
  assert.equal(decode(yolox, outputs, { index: 0, input, scoreFloor: 0.1 }).length, 2);
});

test('yolov8: one column a box, centre and size, overlapping ones suppressed', () => {
  //         person     the same, weaker   another     a bicycle
  const rows = [
    [10, 11, 25, 16],
    [10, 10, 10, 16],
    [8, 8, 4, 4],
    [16, 16, 8, 4],
    [0, 0, 0, 0.875],
    [0.75, 0.5, 0.625, 0.125],
  ];
  const outputs = { output0: tensor([1, 6, 4], rows.flat()) };
  assert.deepEqual(decode(yolov8, outputs, { index: 0, input, scoreFloor: 0.25 }), [box(6, 2, 14, 18, 0.75), box(23, 6, 27, 14, 0.625)]);
});

test('NaN scores are not detections', () => {
  const outputs = { dets: tensor([1, 1, 5], [1, 2, 3, 4, NaN]), labels: { dims: [1, 1], data: BigInt64Array.of(0n) } };
  assert.deepEqual(decode(boxes, outputs, { index: 0, input, scoreFloor: 0 }), []);
});

test('an output that does not match its manifest is reported by field and shape', () => {
  const cases: [ModelOutput, Record<string, Tensor>, RegExp | undefined][] = [
    [boxes, { dets: tensor([1, 0, 5], []), labels: tensor([1, 0], []) }, undefined],
    [boxes, { boxes: tensor([1, 0, 5], []) }, /^output\.boxes: the model has no output "dets", only boxes$/],
    [boxes, { dets: tensor([1, 0, 5], []) }, /^output\.labels: the model has no output "labels", only dets$/],
    [
      boxes,
      { dets: tensor([1, 1, 4], [1, 2, 3, 4]) },
      /^output\.layout: is boxes, which needs \[batch, n, 5\], but output "dets" has shape \[1, 1, 4\]$/,
    ],
    [yolox, { output: tensor([1, 5, 8], []) }, undefined],
    [
      yolox,
      { output: tensor([1, 6, 8], []) },
      /needs \[batch, 5, 5 \+ classes\] for 32x32 at strides 16, 32, but output "output" has shape \[1, 6, 8\]$/,
    ],
    [yolox, { output: tensor([1, 5, 7], []) }, /^output\.personClasses: names class 2 but the model has 2 classes$/],
    [yolov8, { output0: tensor([1, 6, 21], []) }, undefined],
    [
      yolov8,
      { output0: tensor([1, 21, 6], []) },
      /^output\.layout: is yolov8, which needs .*, but output "output0" has shape \[1, 21, 6\]$/,
    ],
    [yolov8, { output0: tensor([1, 5, 21], []) }, /^output\.personClasses: names class 1 but the model has 1 classes$/],
  ];
  for (const [output, outputs, message] of cases) {
    const found = misfit(output, outputs, input);
    if (message === undefined) assert.equal(found, undefined);
    else assert.match(found ?? 'fits', message);
  }
});

test('suppression keeps the better of two that overlap, and both of two that hardly do', () => {
  const [best, near, far] = [box(0, 0, 10, 10, 0.9), box(0, 0, 10, 8, 0.8), box(6, 0, 16, 10, 0.7)];
  assert.equal(overlap(best, near), 0.8);
  assert.deepEqual(suppress([best, near, far], 0.5), [best, far]);
  assert.equal(overlap(best, box(10, 0, 20, 10, 1)), 0);
});

function tensor(dims: number[], values: number[]): Tensor {
  return { dims, data: Float32Array.from(values) };
}

function box(left: number, top: number, right: number, bottom: number, score: number): Detection {
  return { left, top, right, bottom, score };
}
