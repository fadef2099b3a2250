/**
 * The CameraStream resource: its types, its CRD and its validation follow from this schema. A rule that a structural schema
 * cannot express is a `Rule`: a predicate for the loader, and its equivalent in CEL for the API server.
 */
import * as z from 'zod';
import {
  dnsLabel,
  fields,
  labelKey,
  labelValue,
  list,
  listBy,
  must,
  name,
  oneOf,
  patterned,
  ruled,
  text,
  total,
  whole,
  yesOrNo,
} from './fields.ts';
import type { Point } from './geometry.ts';
import { Source } from './source.ts';
import { CameraStreamStatus } from './status.ts';

export { CameraStreamStatus, conditionTypes, findingTypes } from './status.ts';
export type { AgentStatus, Condition, CountsStatus, Finding, FindingType, StreamState, StreamStatus, ZoneCounts } from './status.ts';

export const group = 'footfall.dev';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}` as const;
export const kind = 'CameraStream';

const thousandths = () => whole(0, 1000);

const PointField = fields({
  x: thousandths().describe("Thousandths of the frame's width, from its left edge."),
  y: thousandths().describe("Thousandths of the frame's height, from its top edge."),
});

const LineField = ruled(
  fields({
    name: name().describe('Names the line in the counts. The totals belong to the name: moving the points keeps them.'),
    from: PointField.describe('Where the line begins.'),
    to: PointField.describe('Where the line ends.'),
  }),
  {
    cel: 'self.from.x != self.to.x || self.from.y != self.to.y',
    holds: ({ from, to }) => from.x !== to.x || from.y !== to.y,
    message: 'must have a length: from and to are the same point',
  },
).describe(
  'Stand at from and look along the line to its end: a person who crosses to the right-hand side goes in, one who crosses to the left-hand side goes out.',
);

const ZoneField = fields({
  name: name().describe('The name of the zone in the counts.'),
  polygon: ruled(list(PointField, 3, 32), {
    // The cross product of two corners as seen from the first is zero for all pairs only on a straight line.
    cel: 'self.exists(p, self.exists(q, (p.x - self[0].x) * (q.y - self[0].y) != (p.y - self[0].y) * (q.x - self[0].x)))',
    holds: (corners) => corners.some((p) => corners.some((q) => crossProduct(corners[0]!, p, q) !== 0)),
    message: 'must enclose an area: its corners lie on one straight line',
  }).describe('The corners of the zone, in order; the last is joined to the first.'),
}).describe('A person is in a zone when the middle of the bottom edge of their box is.');

const TolerationField = ruled(
  fields({
    key: patterned('a label key', 316, labelKey)
      .optional()
      .describe("The taint's key; without one, and with operator Exists, every taint is tolerated."),
    operator: oneOf(['Exists', 'Equal']).default('Equal').describe('Exists tolerates every value of the key, Equal only this one.'),
    value: labelValue().optional().describe("The taint's value, for operator Equal."),
    effect: oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
      .optional()
      .describe("The taint's effect; without one, every effect is tolerated."),
    tolerationSeconds: whole(0, 2 ** 31 - 1)
      .optional()
      .describe('How long a NoExecute taint is tolerated; without a number, for ever.'),
  }),
  {
    cel: "has(self.key) || self.operator == 'Exists'",
    holds: ({ key, operator }) => key !== undefined || operator === 'Exists',
    message: 'must be Exists when there is no key',
    field: 'operator',
  },
  {
    cel: "!has(self.value) || self.value == '' || self.operator == 'Equal'",
    holds: ({ value, operator }) => value === undefined || value === '' || operator === 'Equal',
    message: 'must be left out when operator is Exists',
    field: 'value',
  },
  {
    cel: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
    holds: ({ tolerationSeconds, effect }) => tolerationSeconds === undefined || effect === 'NoExecute',
    message: 'must be left out unless effect is NoExecute',
    field: 'tolerationSeconds',
  },
).describe("As in a pod's spec.");

const NodeSelectorField = ruled(
  z.record(z.string(), labelValue(), { error: must('a mapping of labels to values') }).meta({ maxProperties: 16 }),
  {
    cel: 'size(self) <= 16',
    holds: (labels) => Object.keys(labels).length <= 16,
    message: 'must have at most 16 labels',
  },
  {
    cel: `self.all(key, size(key) <= 316 && key.matches('${labelKey}'))`,
    holds: (labels) => Object.keys(labels).every((key) => key.length <= 316 && new RegExp(labelKey).test(key)),
    message: 'must have label keys, such as kubernetes.io/arch, as its keys',
  },
);

const DetectionField = fields({
  model: patterned('the name of a model', 63, dnsLabel)
    .default('rtmdet-nano-person')
    .describe('The name of the detection model; the counters must have it.'),
  framesPerSecond: whole(1, 30)
    .default(10)
    .describe('How many frames a second are analysed. Below 3, people are missed: at 2 up to a seventh of them, at 1 up to half.'),
  view: oneOf(['Oblique', 'Above'])
    .default('Oblique')
    .describe(
      'How the camera looks at people: Oblique from the side or obliquely from above, so that whole people are seen; Above straight down on their heads, which the default model finds less surely.',
    ),
  scorePermille: whole(1, 999)
    .optional()
    .describe('The lowest confidence with which a person counts as detected, in thousandths. Left out: 350, or 150 with view Above.'),
  region: oneOf(['auto', 'full'])
    .default('auto')
    .describe('The part of the frame that the detector analyses: auto is the part around lines and zones, full the whole frame.'),
});

const BufferField = fields({
  seconds: whole(1, 3600).default(120).describe('How much video the agent keeps for replay, in seconds.'),
  megabytes: whole(1, 4096)
    .default(64)
    .describe('How much video the agent keeps for replay, in megabytes. The smaller of the two bounds applies.'),
  overload: oneOf(['lossless', 'live'])
    .default('lossless')
    .describe(
      'What the agent does when the counter is too slow: lossless sends everything that the buffer can hold, however late; live skips video so that the counts stay close behind the camera.',
    ),
  maxLagSeconds: whole(1, 3600)
    .default(5)
    .describe('With overload live: the longest delay behind the camera, in seconds. Skipped video is declared as a gap.'),
});

export const CameraStreamSpec = ruled(
  fields({
    source: Source,
    site: labelValue()
      .min(1, { error: 'must be left out or have a value' })
      .optional()
      .describe('Where the camera stands: its agent runs on a node whose label footfall.dev/site has this value.'),
    nodeSelector: NodeSelectorField.optional().describe("Labels that the agent's node must have, in addition to the site."),
    tolerations: list(TolerationField, 0, 16).optional().describe("Taints of nodes that the agent's pod tolerates."),
    suspend: yesOrNo().default(false).describe('True stops the agent and the counting; the totals are kept.'),
    lines: listBy('name', LineField, 16).default([]).describe('The lines that people cross.'),
    zones: listBy('name', ZoneField, 16).default([]).describe('The areas in which people are counted while they are there.'),
    detection: DetectionField.prefault({}).describe('How people are found.'),
    buffer: BufferField.prefault({}).describe("The agent's ring of recent video, which bridges the absence of counters."),
  }),
  {
    cel: 'size(self.lines) + size(self.zones) > 0',
    holds: ({ lines, zones }) => lines.length + zones.length > 0,
    message: 'must have at least one line or zone to count at',
  },
).describe('Which camera is counted, and at which lines and zones.');

const labels = () => z.record(z.string(), z.string({ error: must('text') }), { error: must('a mapping of text to text') });

/** The validated part of metadata; the API server validates the rest. */
const Metadata = z.looseObject(
  {
    name: name(),
    namespace: name().default('default'),
    uid: text('an id', 128).optional(),
    generation: total().optional(),
    resourceVersion: text('a version', 128).optional(),
    labels: labels().optional(),
    annotations: labels().optional(),
  },
  { error: must('a mapping') },
);

/** A rule on the whole resource, for the CRD: names become parts of pod names and values of labels. */
export const nameRule = {
  rule: `size(self.metadata.name) <= 63 && self.metadata.name.matches('${dnsLabel}')`,
  message: 'must have a name of at most 63 lower-case letters, digits and dashes',
};

export const CameraStream = fields({
  apiVersion: z.literal(apiVersion, { error: must(apiVersion) }),
  kind: z.literal(kind, { error: must(kind) }),
  metadata: Metadata,
  spec: CameraStreamSpec,
  status: CameraStreamStatus.optional(),
});

export type CameraStream = z.infer<typeof CameraStream>;
export type CameraStreamSpec = z.infer<typeof CameraStreamSpec>;
export type CameraStreamStatus = z.infer<typeof CameraStreamStatus>;

function crossProduct(origin: Point, p: Point, q: Point): number {
  return (p.x - origin.x) * (q.y - origin.y) - (p.y - origin.y) * (q.x - origin.x);
}
