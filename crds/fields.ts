/**
 * The building blocks of the schema. The error of each is one sentence with the expected and the found value. Each stays
 * within a Kubernetes structural schema: bounded strings and lists, whole numbers, no unknown fields.
 */
import * as z from 'zod';

/** A rule that is checked twice: `holds` by the loader, `cel` by the API server. The two must be equivalent. */
export interface Rule<T> {
  readonly cel: string;
  readonly holds: (value: T) => boolean;
  /** Reads on after the field's path: "must ...". */
  readonly message: string;
  /** The field of the object that is at fault, if it is a single one. */
  readonly field?: string;
}

/** RFC 1123. */
export const dnsLabel = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
export const labelKey = '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$';
/** One word in CamelCase, such as the reason of a condition. */
const reasonWord = '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$';

type Sentence = (issue: { readonly input?: unknown }) => string;

export function must(expected: string): Sentence {
  return ({ input }) => (input === undefined ? `is missing; it must be ${expected}` : `must be ${expected}, found ${show(input)}`);
}

/** For fields that may contain a password: the sentence has the type of the found value, never the value. */
export function mustUnseen(expected: string): Sentence {
  return ({ input }) => (input === undefined ? `is missing; it must be ${expected}` : `must be ${expected}, found ${kindOf(input)}`);
}

export function whole(least: number, most: number) {
  const error = must(most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least} up` : `a whole number from ${least} to ${most}`);
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** A total that only grows. */
export function total() {
  return whole(0, Number.MAX_SAFE_INTEGER);
}

export function yesOrNo() {
  return z.boolean({ error: must('true or false') });
}

export function oneOf<const Words extends readonly [string, string, ...string[]]>(words: Words) {
  return z.enum(words, { error: must(`${words.slice(0, -1).join(', ')} or ${words.at(-1)}`) });
}

export function text(expected: string, longest: number) {
  const error = must(`${expected} of 1 to ${longest} characters`);
  return z.string({ error }).min(1, { error }).max(longest, { error });
}

export function patterned(expected: string, longest: number, pattern: string, sentence = must) {
  const error = sentence(`${expected} (at most ${longest} characters)`);
  return z.string({ error }).min(1, { error }).max(longest, { error }).regex(new RegExp(pattern), { error });
}

export function name() {
  return patterned('a name of lower-case letters, digits and dashes', 63, dnsLabel);
}

/** Kubernetes allows an empty value; the labels of node roles have one. */
export function labelValue() {
  const error = must('a label value (letters, digits and -_. between them, at most 63 characters)');
  return z
    .string({ error })
    .max(63, { error })
    .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/, { error });
}

export function reason() {
  return patterned('one word in CamelCase', 128, reasonWord);
}

export function moment() {
  const error = must('a time such as 2026-01-31T08:00:00Z');
  return z.iso.datetime({ offset: true, error }).max(64, { error });
}

export function fields<Shape extends z.core.$ZodLooseShape>(shape: Shape, sentence = must) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `is not a known field; known here: ${known}` : sentence('a mapping')(issue)),
  });
}

/** A list that is replaced as a whole by server-side apply. */
export function list<Item extends z.ZodType>(item: Item, least: number, most: number) {
  const error = must(least === 0 ? `a list of at most ${most}` : `a list of ${least} to ${most}`);
  const bounded = z.array(item, { error }).max(most, { error });
  return (least === 0 ? bounded : bounded.min(least, { error, abort: true })).meta({ 'x-kubernetes-list-type': 'atomic' });
}

/** A list whose items are identified by `key`: several field managers may each own items. */
export function listBy<Item extends z.ZodType>(key: string, item: Item, most: number) {
  return list(item, 0, most)
    .superRefine((items, context) => {
      const seen = new Set<unknown>();
      for (const [index, value] of items.entries()) {
        const id = (value as Record<string, unknown>)[key];
        if (seen.has(id))
          context.addIssue({ code: 'custom', path: [index, key], message: `must be unique in its list, found ${show(id)} again` });
        seen.add(id);
      }
    })
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

/** `schema` with `rules`: the first broken one is reported, and all of them are part of the CRD. */
export function ruled<Schema extends z.ZodType>(schema: Schema, ...rules: readonly Rule<z.output<Schema>>[]): Schema {
  let checked = schema;
  for (const { holds, message, field } of rules) {
    checked = checked.refine(holds, { error: message, abort: true, ...(field === undefined ? {} : { path: [field] }) });
  }
  return checked.meta({ ...schema.meta(), 'x-kubernetes-validations': rules.map(celOf) });
}

export function celOf({ cel, message, field }: Omit<Rule<never>, 'holds'>): Record<string, string> {
  return { rule: cel, message, ...(field === undefined ? {} : { fieldPath: `.${field}` }) };
}

/** A found value in a sentence. Text with an @ may be an address with a password, and is not repeated. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value.includes('@') || value.length > 80 ? kindOf(value) : JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  switch (typeof value) {
    case 'string':
      return value === '' ? 'empty text' : 'text';
    case 'number':
      return 'a number';
    case 'boolean':
      return String(value);
    default:
      return 'a mapping';
  }
}
