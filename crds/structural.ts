/**
 * From a zod schema to the structural schema that Kubernetes accepts in a CRD: no references, no `additionalProperties:
 * false`, known keywords only.
 */
import * as z from 'zod';

export type Structural = { readonly [keyword: string]: unknown };

/** Taken over as they are. A keyword that is in neither list stops the generator, so that no check is lost unseen. */
const kept = [
  'type',
  'description',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'format',
];
const extension = /^x-kubernetes-/;

/** `input`: what a user writes, so a field with a default is not required. */
export function structuralOf(schema: z.ZodType): Structural {
  return structural(z.toJSONSchema(schema, { io: 'input', reused: 'inline', target: 'openapi-3.0' }) as Structural, 'schema');
}

function structural(schema: Structural, at: string): Structural {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (kept.includes(keyword) || extension.test(keyword)) result[keyword] = value;
    else if (keyword === 'properties')
      result[keyword] = mapValues(value as Record<string, Structural>, (property, name) => structural(property, `${at}.${name}`));
    else if (keyword === 'items') result[keyword] = structural(value as Structural, `${at}[]`);
    else if (keyword === 'additionalProperties') {
      // False is what pruning and strict field validation do anyway, and Kubernetes refuses it beside properties.
      if (typeof value === 'object') result[keyword] = structural(value as Structural, `${at}{}`);
    } else throw new Error(`${at}: Kubernetes knows no keyword ${keyword}`);
  }
  // The API server judges a date-time by its own RFC 3339 parser.
  if (result.format === 'date-time') delete result.pattern;
  return inOrder(result);
}

/** The order in which people read a schema, whatever the order in which it was put together. */
function inOrder(schema: Record<string, unknown>): Structural {
  const order = ['description', 'type', ...kept, 'items', 'properties', 'additionalProperties'];
  const rank = (keyword: string) => (extension.test(keyword) ? order.length : order.indexOf(keyword));
  return Object.fromEntries(Object.entries(schema).toSorted(([one], [other]) => rank(one) - rank(other)));
}

function mapValues<From, To>(record: Record<string, From>, change: (value: From, key: string) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
