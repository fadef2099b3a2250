/** The status of a CameraStream. Sections have one writer each: conditions and agent the operator, counts and stream the counter. */
import * as z from 'zod';
import { celOf, fields, list, listBy, moment, name, oneOf, reason, text, total, whole } from './fields.ts';
import { fence, kept } from './fence.ts';

export const conditionTypes = ['Ready', 'AgentAvailable', 'CameraConnected', 'Counting'] as const;
export const streamStates = ['Starting', 'Counting', 'Interrupted', 'Disconnected', 'Ended', 'Refused'] as const;

const ConditionField = fields({
  type: reason().describe('What is judged: Ready, AgentAvailable, CameraConnected or Counting.'),
  status: oneOf(['True', 'False', 'Unknown']).describe('The judgement.'),
  reason: reason().describe('Why, in one word.'),
  message: z.string().max(32768).describe('Why, in a sentence for a person.'),
  lastTransitionTime: moment().describe('Since when the judgement has been this one.'),
  observedGeneration: total().optional().describe('The generation of the spec that was judged.'),
}).describe('One judgement about the stream.');

const AgentField = fields({
  node: text('the name of a node', 253).optional().describe('The node on which the agent runs.'),
  pod: text('the name of a pod', 253).optional().describe("The agent's pod."),
});

const LineCountsField = fields({
  name: name().describe('The line.'),
  in: total().describe("Crossings that ended on the line's right hand."),
  out: total().describe('Crossings the other way.'),
}).describe('The totals of one line.');

const ZoneCountsField = fields({
  name: name().describe('The zone.'),
  occupancy: total().describe('People in the zone now.'),
}).describe('The occupancy of one zone.');

const GapField = fields({
  from: moment().describe('When it began.'),
  to: moment().describe('When it ended.'),
  reason: reason().describe('Why, in one word.'),
  accessUnits: total().describe('How many access units were lost; 0 when the camera sent none.'),
});

const GapsField = fields({
  count: total().describe('How many there were.'),
  seconds: total().describe('How long they were together, in seconds.'),
  last: GapField.optional().describe('The latest one.'),
});

const DeliveredField = fields({
  crossings: total().describe('Crossings up to this number (in + out) are with every receiver, or are declared lost to it.'),
  gaps: total().describe('The same for gaps.'),
}).describe('How far the events of this stream are delivered. Only there while the counters have receivers of events.');

const CountsField = fields({
  term: total().describe('Rises with every counter that takes the stream over; only the latest term may write.'),
  session: text('an id', 64).describe('The life of one agent pod, within which access units are numbered.'),
  position: total().describe('The access unit of the session up to which everything is counted or declared a gap.'),
  time: moment().describe('When the frame at the position was taken; in the year 1 when nothing was counted yet.'),
  in: total().describe('People who went in, over all lines, since the resource was made.'),
  out: total().describe('People who went out, over all lines, since the resource was made.'),
  inside: total().describe('People who went in and are not out yet, never below 0.'),
  // Room for the lines of the past: a removed line keeps its totals as long as the counter remembers it.
  // Atomic, as is the next: of a list that is known by a key, server-side apply takes the list away with its last item.
  lines: list(LineCountsField, 0, 64).describe('The totals of each line; those of removed lines follow, while there is room.'),
  zones: list(ZoneCountsField, 0, 64).describe('The occupancy of each zone.'),
  observedSeconds: total().describe('How much video was looked at, in seconds.'),
  gaps: GapsField.describe('The times that were not looked at.'),
  delivered: DeliveredField.optional(),
}).meta({ 'x-kubernetes-validations': fence.map(({ cel, message }) => celOf({ cel, message })) });

const StreamField = fields({
  state: oneOf(streamStates).describe(
    'Starting, nothing is counted yet; Counting; Interrupted, the camera is silent; Disconnected, the agent is away; Ended, the file is over; Refused, it cannot be counted.',
  ),
  counter: text('the name of a pod', 253).describe('The counter that has the stream.'),
  since: moment().describe('Since when this has been so.'),
  session: text('an id', 64).optional().describe('Of the agent that the term was taken for, whether or not anything was counted for it.'),
  observedGeneration: total().optional().describe('The generation of the spec by which the counter counts.'),
  reason: reason().optional().describe('Why it is not counting, in one word.'),
  message: z.string().max(1024).optional().describe('Why it is not counting, in a sentence for a person.'),
});

export const CameraStreamStatus = fields({
  observedGeneration: whole(0, Number.MAX_SAFE_INTEGER).optional().describe('The generation of the spec that the operator acted on.'),
  conditions: listBy('type', ConditionField, 16)
    .optional()
    .describe('Judgements of the operator: Ready, AgentAvailable, CameraConnected, Counting.'),
  agent: AgentField.optional().describe('Where the agent runs.'),
  counts: CountsField.optional().describe('What was counted: the ledger, written by the counter alone.'),
  stream: StreamField.optional().describe('How the stream is doing, written by the counter when it changes.'),
})
  .describe('What is the case.')
  .meta({ 'x-kubernetes-validations': [celOf(kept)] });

export type Condition = z.infer<typeof ConditionField>;
export type AgentStatus = z.infer<typeof AgentField>;
export type LineCounts = z.infer<typeof LineCountsField>;
export type ZoneCounts = z.infer<typeof ZoneCountsField>;
export type Gap = z.infer<typeof GapField>;
export type Gaps = z.infer<typeof GapsField>;
export type Delivered = z.infer<typeof DeliveredField>;
export type CountsStatus = z.infer<typeof CountsField>;
export type StreamState = (typeof streamStates)[number];
export type StreamStatus = z.infer<typeof StreamField>;
