/**
 * A checkpoint, as the agent stores and returns it: the whole state of a stream, composed of the schemas beside each part.
 * It is validated like any input: its sizes become arguments of a decoder and inputs of the detector, which other streams
 * share.
 */
import * as z from 'zod';
import { type Outbox, outboxSchema } from '../events/outbox.ts';
import { Refused } from '../refusal.ts';
import { type AnalysisState, analysisStateSchema } from '../analysis/analysis.ts';
import { upgradeFrom1 } from './checkpoint-1.ts';

const VERSION = 2;

const checkpointSchema = z.object({
  version: z.literal(VERSION),
  analysis: analysisStateSchema,
  /** Events that are not delivered yet. Absent where the counter has no receivers. */
  outbox: outboxSchema.optional(),
});

export interface Checkpoint {
  readonly analysis: AnalysisState;
  readonly outbox: Outbox | undefined;
}

export function writeCheckpoint({ analysis, outbox }: Checkpoint): Buffer {
  const content: z.input<typeof checkpointSchema> = { version: VERSION, analysis, ...(outbox && { outbox }) };
  return Buffer.from(JSON.stringify(content));
}

/** @param position the committed position. @throws Refused INVALID. */
export function readCheckpoint(bytes: Buffer, position: number): Checkpoint {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw new Refused('INVALID', 'The checkpoint is not one of a counter.');
  }
  const version = z.looseObject({ version: z.unknown() }).safeParse(value).data?.version;
  if (version === 1) value = upgradeFrom1(value);
  else if (version !== VERSION) {
    throw new Refused('INVALID', `The checkpoint is of version ${String(version).slice(0, 20)}, not ${VERSION} or 1.`);
  }
  const { data, error } = checkpointSchema.safeParse(value);
  if (data === undefined) {
    throw new Refused('INVALID', `The checkpoint is not one of a counter: ${error.issues[0]!.path.join('.')} is wrong.`);
  }
  const { analysis } = data;
  if (analysis.position < position) {
    throw new Refused('INVALID', `The checkpoint is of access unit ${analysis.position}, though ${position} are committed.`);
  }
  return { analysis, outbox: data.outbox };
}
