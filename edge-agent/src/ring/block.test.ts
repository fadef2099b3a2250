import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FUZZ } from '#proto/wire/fixtures/fuzz.ts';
import { decodeBlock, encodeBlock } from './block.ts';

const facts = fc.record({ number: fc.nat(), keyframe: fc.boolean(), name: fc.string() }, { noNullPrototype: true });
const payload = fc.uint8Array({ maxLength: 200 });
const encoded = (what: object, data: Uint8Array) => Buffer.concat(encodeBlock(what, data));

test('what is written is read, at any offset', () => {
  fc.assert(
    fc.property(facts, payload, payload, payload, (what, data, before, after) => {
      const block = encoded(what, data);
      const read = decodeBlock(Buffer.concat([before, block, after]), before.length);
      assert.deepEqual(read?.facts, what);
      assert.deepEqual(Buffer.from(read.payload), Buffer.from(data));
      assert.equal(read.bytes, block.length);
    }),
  );
});

test('a block that was cut off is not read', () => {
  fc.assert(
    fc.property(facts, payload, fc.nat(), (what, data, cut) => {
      const block = encoded(what, data);
      assert.equal(decodeBlock(block.subarray(0, cut % block.length)), undefined);
    }),
  );
});

test('a block in which bytes were changed is not read', () => {
  fc.assert(
    fc.property(facts, payload, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }), (what, data, at, noise) => {
      const block = encoded(what, data);
      const changed = Buffer.from(block);
      for (const [i, value] of noise.entries()) changed[(at + i) % block.length]! ^= value;
      fc.pre(!changed.equals(block));
      assert.equal(decodeBlock(changed), undefined);
    }),
    FUZZ,
  );
});

test('no bytes, zeros and noise are not blocks', () => {
  assert.equal(decodeBlock(new Uint8Array(0)), undefined);
  assert.equal(decodeBlock(new Uint8Array(4096)), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (noise) => assert.equal(decodeBlock(noise), undefined)),
    FUZZ,
  );
});
