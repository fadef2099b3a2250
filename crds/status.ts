/** The status of a CameraStream. Sections have one writer each: conditions and agent the operator, counts and stream the counter. */
import * as z from 'zod';
import { celOf, fields, list, listBy, moment, name, oneOf, reason, text, total } from './fields.ts';
import { fence, kept } from './fence.ts';

/** What a counter can find in the video that makes its counts doubtful; each is the condition that the operator makes of it. */
export const findingTypes = ['PictureUsable', 'GeometryDoubtful', 'PaceDoubtful', 'DetectionDoubtful'] as const;
export const conditionTypes = ['Ready', 'AgentAvailable', 'CameraConnected', 'Counting', ...findingTypes] as const;
const streamStates = ['Starting', 'Counting', 'Interrupted', 'Disconnected', 'Ended', 'Refused'] as const;

const ConditionField = fields({
  type: reason().describe(`${conditionTypes.slice(0, -1).join(', ')} or ${conditionTypes.at(-1)}.`),
  status: oneOf(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  reason: reason().describe('The reason, as one word.'),
  message: z.string().max(32768).describe('The reason, as a sentence for a person.'),
  lastTransitionTime: moment().describe('When the status of the condition last changed.'),
  observedGeneration: total().optional().describe('The generation of the spec for which the condition was computed.'),
}).describe('See the troubleshooting page of the chart for every reason.');

const AgentField = fields({
  node: text('the name of a node', 253).optional().describe('The node on which the agent runs.'),
  pod: text('the name of a pod', 253).optional().describe("The agent's pod."),
});

const LineCountsField = fields({
  name: name().describe('The line.'),
  in: total().describe("Crossings to the line's right-hand side."),
  out: total().describe('Crossings to its left-hand side.'),
}).describe('The totals of one line.');

const ZoneCountsField = fields({
  name: name().describe('The zone.'),
  occupancy: total().describe('People in the zone now.'),
}).describe('The occupancy of one zone.');

const GapField = fields({
  from: moment().describe('When the gap began.'),
  to: moment().describe('When the gap ended.'),
  reason: reason().describe('The cause of the gap, as one word.'),
  accessUnits: total().describe('How many access units (coded pictures) were lost; 0 when the camera sent none.'),
});

const GapsField = fields({
  count: total().describe('How many gaps there were.'),
  seconds: total().describe('Their total length, in seconds.'),
  last: GapField.optional().describe('The latest gap.'),
});

const FindingField = fields({
  type: oneOf(findingTypes).describe('The condition that the finding changes.'),
  reason: reason().describe('The reason, as one word.'),
  message: z.string().max(1024).describe('The reason, as a sentence for a person.'),
  since: moment().describe('When the picture began to be like this, in the time of the video.'),
}).describe('One thing in the video that makes the counts doubtful.');

const DeliveredField = fields({
  crossings: total().describe('Crossings up to this number (in + out) are with every receiver, or are declared lost to it.'),
  gaps: total().describe('The same for gaps.'),
}).describe('How far the events of this stream are delivered. Only there while the counters have receivers of events.');

const CountsField = fields({
  term: total().describe(
    'Fencing token: it rises whenever a counter takes the stream over, and only the counter of the latest term may write.',
  ),
  session: text('an id', 64).describe(
    "The id of the agent's session, within which access units are numbered from 1; usually the life of one agent pod.",
  ),
  position: total().describe(
    'The offset of the stream: the number of the access unit up to which everything is counted or declared as a gap.',
  ),
  time: moment().describe('When the frame at the position was taken; a time in the year 1 as long as nothing is counted.'),
  in: total().describe('People who went in, over all lines, since the resource was made.'),
  out: total().describe('People who went out, over all lines, since the resource was made.'),
  inside: total().describe('People who went in and have not gone out, never below 0.'),
  // Room for the lines of the past: a removed line keeps its totals as long as the counter remembers it.
  // Atomic, as is the next: of a list that is known by a key, server-side apply takes the list away with its last item.
  lines: list(LineCountsField, 0, 64).describe('The totals of each line; those of removed lines follow, while there is room.'),
  zones: list(ZoneCountsField, 0, 64).describe('The occupancy of each zone.'),
  observedSeconds: total().describe('How much video was analysed, in seconds.'),
  doubtfulSeconds: total()
    .optional()
    .describe('How much video was analysed while the picture could not be used, in seconds; observedSeconds is without it.'),
  findings: list(FindingField, 0, 16)
    .optional()
    .describe('What makes the counts doubtful now, one for each type; the operator makes conditions of them.'),
  gaps: GapsField.describe('Time that was not observed, in total and the latest gap.'),
  delivered: DeliveredField.optional(),
}).meta({ 'x-kubernetes-validations': fence.map(({ cel, message }) => celOf({ cel, message })) });

const StreamField = fields({
  state: oneOf(streamStates).describe(
    'Starting: nothing is counted yet. Counting. Interrupted: the camera sends nothing. Disconnected: the agent is away. Ended: the file is over. Refused: the counter cannot count the stream.',
  ),
  counter: text('the name of a pod', 253).describe('The counter that serves the stream.'),
  since: moment().describe('When the stream entered this state.'),
  session: text('an id', 64).optional().describe('The session for which the counter took the term, also before anything of it is counted.'),
  observedGeneration: total().optional().describe('The generation of the spec that the counter applies.'),
  reason: reason().optional().describe('Why the stream is not counted, as one word.'),
  message: z.string().max(1024).optional().describe('Why the stream is not counted, as a sentence for a person.'),
});

export const CameraStreamStatus = fields({
  observedGeneration: total().optional().describe('The generation of the spec that the operator applied.'),
  conditions: listBy('type', ConditionField, 16)
    .optional()
    .describe(`Conditions, written by the operator: ${conditionTypes.join(', ')}.`),
  agent: AgentField.optional().describe('Where the agent runs.'),
  counts: CountsField.optional().describe('The committed counts (the ledger), written only by the counter that holds the latest term.'),
  stream: StreamField.optional().describe('The state of the stream, written by the counter whenever it changes.'),
})
  .describe('What the operator and the counter report.')
  .meta({ 'x-kubernetes-validations': [celOf(kept)] });

export type Condition = z.infer<typeof ConditionField>;
export type Finding = z.infer<typeof FindingField>;
export type FindingType = (typeof findingTypes)[number];
export type AgentStatus = z.infer<typeof AgentField>;
export type ZoneCounts = z.infer<typeof ZoneCountsField>;
export type CountsStatus = z.infer<typeof CountsField>;
export type StreamState = (typeof streamStates)[number];
export type StreamStatus = z.infer<typeof StreamField>;
