/** The chart's values as declared in charts/footfall/values.schema.json: keys, defaults, descriptions. */
import { readFileSync } from 'node:fs';

export const CHART = new URL('../../charts/footfall/', import.meta.url);

/** The part of JSON Schema (draft 7, as in Helm 3 and 4) that is used. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
}

export interface Value {
  /** `counter.gpu.count` */
  readonly path: readonly string[];
  readonly schema: Schema;
  readonly description: string;
  /** Undefined for a section, and for a value without a default. */
  readonly default: unknown;
  readonly section: boolean;
}

export function valuesSchema(): Schema {
  return JSON.parse(readFileSync(new URL('values.schema.json', CHART), 'utf8')) as Schema;
}

/** The values in the schema's order, each section before its values. @throws Error for a value without a description. */
export function valuesOf(schema: Schema): Value[] {
  return within(schema, [], undefined, schema.definitions ?? {});
}

function within(parent: Schema, above: readonly string[], defaults: unknown, definitions: NonNullable<Schema['definitions']>): Value[] {
  return Object.entries(parent.properties ?? {}).flatMap(([key, declared]) => {
    const path = [...above, key];
    const schema = resolved(declared, definitions);
    const { description } = schema;
    if (description === undefined) throw new Error(`${path.join('.')} has no description in values.schema.json.`);
    const value = (defaults as Record<string, unknown> | undefined)?.[key] ?? schema.default;
    // A part of a pod's spec, such as resources, has properties without descriptions: it is a value.
    const section = Object.values(schema.properties ?? {}).some((property) => property.description !== undefined);
    const of: Value = { path, schema, description, default: section ? undefined : value, section };
    return section ? [of, ...within(schema, path, value, definitions)] : [of];
  });
}

/** Keywords beside a reference override those of the definition. */
function resolved({ $ref, ...declared }: Schema, definitions: NonNullable<Schema['definitions']>): Schema {
  if ($ref === undefined) return declared;
  const definition = definitions[$ref.replace('#/definitions/', '')];
  if (definition === undefined) throw new Error(`values.schema.json refers to ${$ref}, which does not exist.`);
  return { ...definition, ...declared };
}
