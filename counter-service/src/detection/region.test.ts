import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as always, integer, property, record } from 'fast-check';
import type { Detection } from './detection.ts';
import { modelInput as model } from '../fixtures/model-input.ts';
import { heightAt, learnPersonSize, NO_PERSON_SIZE, type PersonSize } from './person-size.ts';
import { fullPicturePlan } from './plan.ts';
import { planRegion, type Areas } from './region.ts';

const source = { width: 768, height: 576 };
const whole = { left: 0, top: 0, ...source };
const full = fullPicturePlan(source, model);
const door: Areas = { lines: [{ from: { x: 500, y: 400 }, to: { x: 500, y: 500 } }], zones: [] };

/** People whose height is a quarter of the y of their feet. */
const quarterTall = learned((y) => y / 4);

test('before any person was seen: the full picture', () => {
  assert.equal(heightAt(NO_PERSON_SIZE, source), undefined);
  assert.deepEqual(planRegion(door, source, model, NO_PERSON_SIZE), full);
});

test('height is learned as a line over the feet, in spite of some wrong boxes', () => {
  const height = heightAt(quarterTall, source);
  for (const y of [200, 300, 400, 500]) assert.ok(Math.abs((height?.(y) ?? 0) - y / 4) < y / 25, `${height?.(y)} at ${y}`);
});

test('boxes with a low score, or cut by the edge of the region, are not learned from', () => {
  const unsure = person(300, 80, 0.3);
  const cut = { ...person(300, 80, 0.9), bottom: source.height - 1 };
  assert.deepEqual(learnPersonSize(NO_PERSON_SIZE, [unsure, cut], { picture: source, seen: whole }), NO_PERSON_SIZE);
});

test('a short line needs a small part of the picture, with whole people on either side of it', () => {
  const { crop, input } = planRegion(door, source, model, quarterTall);
  assert.ok(input.width * input.height * 2 <= full.input.width * full.input.height);
  // Feet half a height beside the line's lower end (384, 288), head and arms included.
  assert.ok(crop.left <= 384 - 72 / 2 - 20 && crop.left + crop.width >= 384 + 72 / 2 + 20);
  assert.ok(crop.top <= 230 - 58 - 10 && crop.top + crop.height >= 288 + 20);
});

test('a line across everything, nothing to watch, or a model of one size: the full picture', () => {
  const across: Areas = { lines: [{ from: { x: 0, y: 200 }, to: { x: 1000, y: 800 } }], zones: [] };
  const { multiple: _, ...oneSize } = model;
  assert.deepEqual(planRegion(across, source, model, quarterTall), full);
  assert.deepEqual(planRegion({ lines: [], zones: [] }, source, model, quarterTall), full);
  assert.deepEqual(planRegion(door, source, oneSize, quarterTall), fullPicturePlan(source, oneSize));
});

test('a zone counts like a line', () => {
  const queue: Areas = {
    lines: [],
    zones: [
      {
        polygon: [
          { x: 450, y: 400 },
          { x: 550, y: 400 },
          { x: 500, y: 500 },
        ],
      },
    ],
  };
  const { crop } = planRegion(queue, source, model, quarterTall);
  assert.ok(crop.left <= 345 && crop.left + crop.width >= 422 && crop.width < source.width);
});

test('always: a region lies in the picture on even numbers, fits its input, shows people no smaller, costs no more', () => {
  const point = record({ x: integer({ min: 0, max: 1000 }), y: integer({ min: 0, max: 1000 }) });
  const pictures = array(integer({ min: 160, max: 2000 }), { minLength: 2, maxLength: 2 });
  always(
    property(array(record({ from: point, to: point }), { minLength: 1, maxLength: 3 }), pictures, (lines, [width = 0, height = 0]) => {
      const picture = { width, height };
      const wanted = fullPicturePlan(picture, model);
      const plan = planRegion({ lines, zones: [] }, picture, model, quarterTall);
      const { crop, input } = plan;
      assert.ok(input.width * input.height <= wanted.input.width * wanted.input.height);
      if (crop.width === width && crop.height === height) return;
      assert.deepEqual(
        [crop.left % 2, crop.top % 2, crop.width % 2, crop.height % 2, input.width % 32, input.height % 32],
        [0, 0, 0, 0, 0, 0],
      );
      assert.ok(crop.left >= 0 && crop.top >= 0 && crop.left + crop.width <= width && crop.top + crop.height <= height);
      assert.ok(plan.picture.width <= input.width && plan.picture.height <= input.height);
      const scale = wanted.picture.width / width;
      assert.ok(plan.picture.width / crop.width > scale * 0.99 && plan.picture.height / crop.height > scale * 0.99);
    }),
  );
});

function learned(heightOf: (y: number) => number): PersonSize {
  let known = NO_PERSON_SIZE;
  for (let frame = 0; frame < 120; frame++) {
    const feet = [180, 250, 320, 390, 460, 530].map((y) => y + (frame % 30) - 15);
    const wrong = frame % 10 === 0 ? [person(320, 250, 0.9)] : [];
    known = learnPersonSize(known, [...feet.map((y) => person(y, heightOf(y), 0.8)), ...wrong], { picture: source, seen: whole });
  }
  return known;
}

function person(foot: number, height: number, score: number): Detection {
  return { left: 300, top: foot - height, right: 300 + height / 3, bottom: foot, score };
}
