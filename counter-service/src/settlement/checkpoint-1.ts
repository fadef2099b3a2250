/**
 * Checkpoints of version 1, which agents return during an upgrade from 0.2: one flat object with uncommitted crossings
 * and without events. Delete this file when upgrades from 0.2 are no longer supported.
 */
import * as z from 'zod';
import type { Crossing } from '#crds/events.ts';

const uncommitted = z.object({
  line: z.string(),
  direction: z.enum(['in', 'out']),
  time: z.number(),
  frame: z.number(),
  track: z.number(),
});
const totals = z.looseObject({ in: z.number(), out: z.number() });
const version1 = z.looseObject({
  gaps: z.looseObject({ count: z.number() }),
  counter: totals.extend({
    lines: z.array(totals.extend({ name: z.string() })),
    zones: z.array(z.looseObject({ present: z.array(z.looseObject({ seenAt: z.number() })) })),
  }),
  uncommitted: z.array(uncommitted),
});

/** The same state in version 2. Input that is not version 1 becomes an object that the validation of version 2 refuses. */
export function upgradeFrom1(value: unknown): unknown {
  const { data } = version1.safeParse(value);
  if (data === undefined) return { version: 2 };
  const { version: _, uncommitted: crossings, ...state } = data;
  const { counter } = state;
  // Version 1 does not say when a person entered the zone.
  const zones = counter.zones.map((zone) => ({ ...zone, present: zone.present.map((one) => ({ ...one, enteredAt: one.seenAt })) }));
  const waiting = numbered(crossings, counter);
  const recorded = { crossings: counter.in + counter.out, gaps: state.gaps.count };
  return {
    version: 2,
    analysis: { ...state, counter: { ...counter, zones } },
    outbox: { recorded, delivered: { ...recorded, crossings: recorded.crossings - waiting.length }, waiting },
  };
}

/** Numbers the crossings and adds the line totals after each, counting back from the last one. */
function numbered(crossings: readonly z.infer<typeof uncommitted>[], counter: z.infer<typeof version1>['counter']): Crossing[] {
  const lines = new Map(counter.lines.map((line) => [line.name, { in: line.in, out: line.out }]));
  let number = counter.in + counter.out;
  return crossings
    .toReversed()
    .map((crossing): Crossing => {
      const line = lines.get(crossing.line) ?? { in: 0, out: 0 };
      const event = { type: 'crossing' as const, number, ...crossing, lineIn: line.in, lineOut: line.out };
      line[crossing.direction] -= 1;
      number -= 1;
      return event;
    })
    .toReversed();
}
