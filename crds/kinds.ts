/** The resource kinds, a row each. The generator of the CRDs and of the chart's templates, and the loader, go through them. */
import type * as z from 'zod';
import { CameraStream, CameraStreamSpec, CameraStreamStatus, nameRule } from './schema.ts';

export interface Kind<Schema extends z.ZodType = z.ZodType> {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** Reads on after the kind. */
  readonly description: string;
  /** A whole document, for the loader. */
  readonly schema: Schema;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** Rules in CEL on the whole resource. */
  readonly rules: readonly { readonly rule: string; readonly message: string }[];
  /** For kubectl. Those of priority 1 are shown with `-o wide`. */
  readonly columns: readonly Column[];
}

export interface Column {
  readonly name: string;
  readonly type: 'integer' | 'string' | 'date';
  readonly priority?: 1;
  readonly description?: string;
  readonly jsonPath: string;
}

const ready = '.status.conditions[?(@.type=="Ready")]';

export const cameraStream = {
  kind: 'CameraStream',
  plural: 'camerastreams',
  singular: 'camerastream',
  shortNames: ['counts', 'cs'],
  description: 'names a camera, its site, and the lines and zones at which people are counted.',
  schema: CameraStream,
  spec: CameraStreamSpec,
  status: CameraStreamStatus,
  rules: [nameRule],
  columns: [
    { name: 'In', type: 'integer', description: 'People who went in.', jsonPath: '.status.counts.in' },
    { name: 'Out', type: 'integer', description: 'People who went out.', jsonPath: '.status.counts.out' },
    { name: 'Inside', type: 'integer', description: 'People who are inside.', jsonPath: '.status.counts.inside' },
    { name: 'Ready', type: 'string', description: 'Whether the stream is counted.', jsonPath: `${ready}.status` },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Node', type: 'string', priority: 1, description: 'The node of the agent.', jsonPath: '.status.agent.node' },
    { name: 'FPS', type: 'integer', priority: 1, description: 'Frames analyzed per second.', jsonPath: '.spec.detection.framesPerSecond' },
    {
      name: 'Counter',
      type: 'string',
      priority: 1,
      description: 'The counter that serves the stream.',
      jsonPath: '.status.stream.counter',
    },
    { name: 'Reason', type: 'string', priority: 1, description: 'Why the stream is ready or not.', jsonPath: `${ready}.reason` },
  ],
} as const satisfies Kind<typeof CameraStream>;

export const kinds = [cameraStream] as const satisfies readonly Kind[];

/** A document of any kind. */
export type Resource = z.output<(typeof kinds)[number]['schema']>;
