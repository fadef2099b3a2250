/** Any bytes as messages of the protocol, to a real counter: every call comes to its end, and the next agent is served. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FUZZ } from '#proto/wire/fixtures/fuzz.ts';
import { plainDoor as door, plainService } from './fixtures/plain-service.ts';
import { PlayedAgent } from './fixtures/played-agent.ts';
import { callRaw, connectSession } from './fixtures/raw-caller.ts';

/** A field of protobuf: its number and kind, and bytes that may be what they say. */
const field = fc
  .tuple(fc.integer({ min: 0, max: 17 }), fc.integer({ min: 0, max: 7 }), fc.uint8Array({ maxLength: 40 }))
  .map(([number, kind, bytes]) => Buffer.from([(number << 3) | kind, ...(kind === 2 ? [bytes.length] : []), ...bytes]));
const nested = fc.array(field, { maxLength: 5 }).map((fields) => Buffer.concat(fields));
const hello = nested.map((inside) => Buffer.concat([Buffer.from([0x0a, inside.length & 0x7f]), inside]));
/** Groups in groups: whoever skips what he does not know descends into each. */
const groups = fc.integer({ min: 1, max: 3000 }).map((deep) => Buffer.alloc(deep, (15 << 3) | 3));

test("any bytes come to the end of their call, and to nobody else's", async (context) => {
  const { port, slots } = await plainService(context, undefined, undefined, 10_000);
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), nested, hello, groups), async (bytes) => {
      // A second message that cannot be a hello ends what the first one left open.
      const session = connectSession(port);
      const heard = await callRaw(session, [bytes, Buffer.from([0x3a, 0])]);
      session.destroy();
      assert.ok(heard.length > 0, 'a refusal');
    }),
    FUZZ,
  );
  assert.equal(slots.streams, 0);
  const agent = new PlayedAgent(port, door);
  await agent.until(({ welcome }) => welcome !== undefined);
  agent.hangUp();
});
