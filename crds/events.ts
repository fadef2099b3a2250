/**
 * Events: what leaves a counter once it is committed. This schema is their contract with receivers; its JSON Schema is
 * `docs/reference/events.schema.json`.
 *
 * The numbers of crossings and of gaps follow from the ledger's totals: gapless, never used twice in the life of a
 * resource, the same however often the video is replayed. A receiver that knows an id has the event already.
 */
import * as z from 'zod';

const ofStream = {
  id: z
    .string()
    .describe('`<uid>/crossing/<number>`, `<uid>/gap/<number>` or `<uid>/loss/<of>/<first>-<last>`: the same whenever it is sent.'),
  namespace: z.string().describe("The stream's namespace."),
  stream: z.string().describe("The stream's name."),
};

const number = z.int().min(1);
const natural = z.int().min(0);
const clockTime = z.iso.datetime().optional();
const reason = z.string().max(128);

export const crossing = z.object({
  type: z.literal('crossing'),
  number: number.describe('In + out of the stream after it.'),
  line: z.string().max(128).describe('The name of the line.'),
  direction: z.enum(['in', 'out']).describe('`in`: onto the right hand of somebody who walks along the line.'),
  time: z.number().describe('Presentation time: seconds since the session began; of a recording, its time in the file.'),
  frame: natural.describe('Frames decoded up to it, from 1.'),
  track: natural.describe('The person, as followed by the tracker within a session.'),
  lineIn: natural.describe("The line's total `in` after it."),
  lineOut: natural.describe("The line's total `out` after it."),
  at: clockTime.describe('When it happened, by the clock of the agent. A recording has no clock.'),
  late: z.literal(true).optional().describe('Counted more than a minute after it happened.'),
});

export const gap = z.object({
  type: z.literal('gap'),
  number: number.describe('Gaps of the stream, with this one.'),
  from: z.number().describe('Presentation time in seconds; below 0 where it began before this session.'),
  to: z.number().describe('Presentation time in seconds.'),
  reason: reason.describe('Why nobody saw that time, in one word.'),
  accessUnits: natural.describe('How many access units were lost; 0 when the camera sent none.'),
  fromAt: clockTime.describe('When it began, by the clock of the agent.'),
  toAt: clockTime.describe('When it ended, by the clock of the agent.'),
});

export const lossReasons = ['OutboxFull', 'CheckpointLost'] as const;

export const loss = z.object({
  type: z.literal('loss'),
  of: z.enum(['crossing', 'gap']).describe('The kind of the events that are lost.'),
  first: number.describe('The first number that may not be delivered.'),
  last: number.describe(
    'The last one. An event of these numbers that a receiver has, or that comes all the same, is valid. Losses may overlap.',
  ),
  reason: z
    .enum(lossReasons)
    .describe('`OutboxFull`: the receiver was away for longer than events are kept. `CheckpointLost`: counter and agent lost them.'),
});

/** As the counter keeps them until they are delivered. */
export const waitingEvent = z.discriminatedUnion('type', [crossing, gap]);

/** As receivers get them. */
export const streamEvent = z
  .discriminatedUnion('type', [crossing.extend(ofStream), gap.extend(ofStream), loss.extend(ofStream)])
  .describe('An event of a stream. Fields may be added; those that are there keep their meaning.');

export type Crossing = z.infer<typeof crossing>;
export type Gap = z.infer<typeof gap>;
export type Loss = z.infer<typeof loss>;
export type WaitingEvent = z.infer<typeof waitingEvent>;
export type StreamEvent = z.infer<typeof streamEvent>;

/** As a JSON Schema, for receivers in any language. */
export function eventSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(streamEvent), undefined, 2)}\n`;
}
