import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NumberedUnit } from './recording.ts';
import { Ring } from './ring.ts';

const codec = { fourcc: 'H264', privateData: new Uint8Array(), width: 640, height: 360, decodeDelay: 0 };

/** A camera of 10 access units a second with a keyframe each second. */
function unit(number: number, { bytes = 100, keyframe = number % 10 === 1 } = {}): NumberedUnit {
  return { number, presentationMicros: (number - 1) * 100_000, keyframe, data: new Uint8Array(bytes) };
}

function filled(units: number, limits = { seconds: 3, bytes: 1e6 }): Ring {
  const ring = new Ring(limits);
  for (let number = 1; number <= units; number += 1) ring.append(unit(number), codec);
  return ring;
}

test('whole groups of pictures are evicted, oldest first, when the seconds are used up', () => {
  const ring = filled(60);
  assert.equal(ring.holding(30), undefined);
  assert.equal(ring.startableFrom(1)?.first, 31);
  assert.equal(ring.evictedUnits, 30);
  assert.ok(ring.seconds <= 3);
});

test('whole groups of pictures are evicted when the bytes are used up', () => {
  const ring = filled(60, { seconds: 1000, bytes: 2500 });
  assert.equal(ring.startableFrom(1)?.first, 41);
  assert.equal(ring.bytes, 2000);
});

test('a decoder that needs a time starts at the keyframe at or before it', () => {
  const ring = filled(30);
  assert.equal(ring.startableFor({ position: 16, presentationMicros: 1_500_000 })?.first, 11);
  assert.equal(ring.startableFor({ position: 21, presentationMicros: 2_000_000 })?.first, 21);
  assert.equal(ring.startableFor({ position: 0, presentationMicros: -1 }), undefined);
});

test('released groups are removed, but not the one that the time needs', () => {
  const ring = filled(30);
  ring.release(1_500_000);
  assert.equal(ring.startableFrom(1)?.first, 11);
  assert.equal(ring.evictedUnits, 0, 'what is released is no loss');
  assert.equal(ring.bytes, 2000);
});

test('a group that outgrows the ring loses its head: a reader inside continues, none can start there', () => {
  const ring = new Ring({ seconds: 1000, bytes: 1000 });
  for (let number = 1; number <= 50; number += 1) ring.append(unit(number, { keyframe: number === 1 }), codec);
  assert.equal(ring.bytes, 1000);
  assert.equal(ring.startableFrom(1), undefined);
  assert.equal(ring.holding(40), undefined);
  assert.equal(ring.holding(50)?.first, 46);
  ring.append(unit(51, { keyframe: true }), codec);
  assert.equal(ring.startableFrom(1)?.first, 51);
});

test('a reader inside a long group keeps what it has not read when the head of the group is evicted', () => {
  const ring = new Ring({ seconds: 4, bytes: 1e6 });
  for (let number = 1; number <= 43; number += 1) ring.append(unit(number, { keyframe: number === 1 || number === 41 }), codec);
  assert.equal(ring.startableFrom(1)?.first, 41);
  const group = ring.holding(38)!;
  assert.equal(ring.read(group, 38)?.number, 38);
});
