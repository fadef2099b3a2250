/** The chart's values, as charts/footfall/values.schema.json declares them: keys, defaults, sentences. */
import { readFileSync } from 'node:fs';

export const CHART = new URL('../../charts/footfall/', import.meta.url);

/** The part of JSON Schema that is used here (draft 7, which Helm 3 and 4 support). */
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
  /** Undefined for a section and for a value without a default. */
  readonly default: unknown;
  readonly section: boolean;
}

export function valuesSchema(): Schema {
  return JSON.parse(readFileSync(new URL('values.schema.json', CHART), 'utf8')) as Schema;
}

/** Values in the schema's order, a section before its values. @throws Error for a value without a description. */
export function valuesOf(schema: Schema): Value[] {
  return valuesIn(schema, [], undefined, schema.definitions ?? {});
}

function valuesIn(parent: Schema, above: readonly string[], defaults: unknown, definitions: NonNullable<Schema['definitions']>): Value[] {
  return Object.entries(parent.properties ?? {}).flatMap(([key, declared]) => {
    const path = [...above, key];
    const schema = resolve(declared, definitions);
    const { description } = schema;
    if (description === undefined) throw new Error(`${path.join('.')} has no description in values.schema.json.`);
    const value = (defaults as Record<string, unknown> | undefined)?.[key] ?? schema.default;
    // Objects of Kubernetes, such as resources, have properties without descriptions: they are values, not sections.
    const section = Object.values(schema.properties ?? {}).some((property) => property.description !== undefined);
    const of: Value = { path, schema, description, default: section ? undefined : value, section };
    return section ? [of, ...valuesIn(schema, path, value, definitions)] : [of];
  });
}

/** Keys beside a reference override those of its definition. */
function resolve({ $ref, ...declared }: Schema, definitions: NonNullable<Schema['definitions']>): Schema {
  if ($ref === undefined) return declared;
  const definition = definitions[$ref.replace('#/definitions/', '')];
  if (definition === undefined) throw new Error(`values.schema.json refers to ${$ref}, which it does not define.`);
  return { ...definition, ...declared };
}
