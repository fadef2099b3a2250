import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { WaitingEvent } from '#crds/events.ts';
import { acknowledge, dueFor, type Numbers, type Outbox, outboxSchema, record, resumeOutbox, startOutbox } from './outbox.ts';

const nothing: Numbers = { crossings: 0, gaps: 0 };
const crossing = (number: number): WaitingEvent => ({
  type: 'crossing',
  number,
  line: 'a',
  direction: 'in',
  time: number,
  frame: number,
  track: number,
  lineIn: number,
  lineOut: 0,
});
const gap = (number: number): WaitingEvent => ({ type: 'gap', number, from: 0, to: 1, reason: 'CameraLost', accessUnits: 0 });
const crossings = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => crossing(first + index));
const numbersIn = (events: readonly { type: string }[]) =>
  events.map((event) =>
    'first' in event ? `${String(event.first)}-${String((event as { last?: number }).last)}` : (event as { number?: number }).number,
  );

test('no event is due before its commit, and all are due in order after it', () => {
  const waiting = record(startOutbox(nothing), [crossing(1), gap(1), crossing(2)]);
  assert.deepEqual(dueFor(waiting, nothing, nothing).events, []);
  assert.deepEqual(dueFor(waiting, { crossings: 1, gaps: 1 }, nothing), {
    events: [crossing(1), gap(1)],
    through: { crossings: 1, gaps: 1 },
  });
});

test('an event that every receiver has is removed', () => {
  const waiting = record(startOutbox(nothing), [crossing(1), gap(1), crossing(2)]);
  assert.deepEqual(acknowledge(waiting, { crossings: 1, gaps: 1 }).waiting, [crossing(2)]);
});

test('when events do not fit, the oldest are dropped, and declared lost before the others', () => {
  const full = record(startOutbox(nothing), crossings(1, 2_003));
  const { events, through } = dueFor(full, { crossings: 2_003, gaps: 0 }, nothing);
  assert.deepEqual(events[0], { type: 'loss', of: 'crossing', first: 1, last: 3, reason: 'OutboxFull' });
  assert.equal(events[1], full.waiting[0]);
  assert.deepEqual(numbersIn(events.slice(1, 3)), [4, 5]);
  assert.equal(through.crossings, 102, 'a batch is bounded');
});

test('large events are bounded by their size', () => {
  const large = crossings(1, 1_000).map((event) => ({ ...event, line: 'x'.repeat(900) }) as WaitingEvent);
  const full = record(startOutbox(nothing), large);
  assert.ok(JSON.stringify(full).length < 530_000);
  assert.ok(full.waiting.length > 400 && full.waiting.at(-1)!.number === 1_000);
});

test('a term without a checkpoint declares the numbers beyond the delivery cursor of the ledger lost', () => {
  const fresh = record(startOutbox({ crossings: 9, gaps: 1 }, { crossings: 5, gaps: 1 }), [gap(2)]);
  const committed = { crossings: 9, gaps: 2 };
  assert.deepEqual(dueFor(fresh, committed, fresh.delivered).events, [
    { type: 'loss', of: 'crossing', first: 6, last: 9, reason: 'CheckpointLost' },
    gap(2),
  ]);
});

test('without receivers before, delivery begins with the next event', () => {
  const fresh = startOutbox({ crossings: 9, gaps: 1 });
  assert.deepEqual(dueFor(fresh, { crossings: 9, gaps: 1 }, fresh.delivered).events, []);
});

test('events of a checkpoint that the ledger has as delivered are removed', () => {
  const kept = record(startOutbox(nothing), crossings(1, 3));
  assert.deepEqual(numbersIn(resumeOutbox(kept, { crossings: 2, gaps: 0 }).waiting), [3]);
});

test('for any counts, commits and deliveries: each number is delivered or declared lost, once, in order', () => {
  const deed = fc.oneof(
    fc.record({ record: fc.integer({ min: 1, max: 1_500 }) }),
    fc.record({ commit: fc.constant(true) }),
    fc.record({ deliver: fc.boolean() }),
    fc.record({ restore: fc.constant(true) }),
  );
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 30 }), (deeds) => {
      let box: Outbox = startOutbox(nothing);
      let [total, committed, has, reported] = [0, 0, nothing, 0];
      const deliver = () => {
        const { events, through } = dueFor(box, { crossings: committed, gaps: 0 }, has);
        for (const event of events) {
          const [first, last] = event.type === 'loss' ? [event.first, event.last] : [event.number, event.number];
          assert.equal(first, reported + 1);
          assert.ok(last <= committed);
          reported = last;
        }
        has = through;
        box = acknowledge(box, has);
      };
      for (const one of [...deeds, { commit: true }, ...Array.from({ length: 100 }, () => ({ deliver: true }))]) {
        if ('record' in one) {
          box = record(box, crossings(total + 1, total + one.record));
          total += one.record;
        } else if ('commit' in one) committed = total;
        else if ('restore' in one) box = resumeOutbox(outboxSchema.parse(JSON.parse(JSON.stringify(box))));
        else deliver();
        assert.ok(box.waiting.length <= 2_000);
      }
      assert.deepEqual([reported, box.delivered.crossings, box.waiting], [total, total, []]);
    }),
    { numRuns: 50 },
  );
});
