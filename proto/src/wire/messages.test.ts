/** The bounds of an agent's messages, on bytes as they come off the wire. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { boundedDeserializer, MAX_BYTES, MAX_MESSAGE_BYTES } from './messages.ts';
import { agentMessageType } from './grpc.ts';

const read = boundedDeserializer(agentMessageType);
const { field: fields } = agentMessageType.type as { field: { name: keyof typeof MAX_BYTES; number: number }[] };

/** `bytes` bytes: field `number`, whose value is one field that no message knows. */
function encode(number: number, bytes: number): Buffer {
  const head = (field: number, length: number) => [...varint(field * 8 + 2), ...varint(length)];
  // Two heads have 20 bytes at most.
  for (let padding = bytes - 20; ; padding += 1) {
    const inner = Buffer.from(head(1000, padding));
    const outer = Buffer.from(head(number, inner.length + padding));
    if (outer.length + inner.length + padding === bytes) return Buffer.concat([outer, inner, Buffer.alloc(padding)]);
    assert.ok(padding < bytes, `${bytes} bytes`);
  }
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

suite('an agent may send', () => {
  for (const { name, number } of fields) {
    test(`${name} of as many bytes as it may have, and not one more`, () => {
      const most = MAX_BYTES[name];
      assert.equal(read(encode(number, most)).message, name);
      assert.deepEqual(read(encode(number, most + 1)), {
        message: 'malformed',
        sentence: `The agent sent ${name} of ${most + 1} bytes, and it may have ${most}.`,
      });
    });
  }

  test('nine kinds of messages, with a bound each', () => {
    assert.deepEqual(fields.map(({ name }) => name).toSorted(), [
      'accessUnit',
      'camera',
      'checkpointStored',
      'endOfStream',
      'gap',
      'heartbeat',
      'hello',
      'identity',
      'resume',
    ]);
    assert.deepEqual(Object.keys(MAX_BYTES).toSorted(), fields.map(({ name }) => name).toSorted());
  });

  for (const number of [15, 16, 2 ** 29 - 1]) {
    test(`64 KiB of a kind that the counter does not know, number ${number}, and not one byte more`, () => {
      assert.equal(read(encode(number, 64 * 1024)).message, undefined);
      assert.deepEqual(read(encode(number, 64 * 1024 + 1)), {
        message: 'malformed',
        sentence: 'The agent sent a message of 65537 bytes, and it may have 65536.',
      });
    });
  }

  test('no small message behind a large one of another kind', () => {
    const bytes = Buffer.concat([encode(3, MAX_MESSAGE_BYTES - 100), encode(4, 100)]);
    assert.deepEqual(read(bytes), {
      message: 'malformed',
      sentence: `The agent sent gap of ${MAX_MESSAGE_BYTES} bytes, and it may have ${MAX_BYTES.gap}.`,
    });
  });

  test('nothing that is no protobuf', () => {
    for (const bytes of [[0xff], [0x0a, 0x05, 0x01], [0x0b], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]])
      assert.deepEqual(read(Buffer.from(bytes)), {
        message: 'malformed',
        sentence: 'The agent sent bytes that are no message of the protocol.',
      });
  });
});
