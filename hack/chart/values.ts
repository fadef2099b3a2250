/** Generates values.yaml and the reference from the schema. */
import type { Schema, Value } from './schema.ts';
import { valuesOf } from './schema.ts';

const COMMAND = 'node hack/chart/generate.ts';
const COLUMNS = 118;

/** values.yaml: every default with its description. */
export function valuesText(schema: Schema): string {
  const lines = [`# Generated from values.schema.json; do not edit. To change it, edit the schema and run: ${COMMAND}`];
  for (const { path, description, default: value, section } of valuesOf(schema)) {
    if (!section && value === undefined) continue;
    const indent = '  '.repeat(path.length - 1);
    if (path.length === 1) lines.push('');
    lines.push(...wrap(description, COLUMNS - indent.length).map((line) => `${indent}# ${line}`));
    lines.push(`${indent}${path.at(-1)}:${section ? '' : ` ${inline(value)}`}`);
  }
  return `${lines.join('\n')}\n`;
}

/** docs/values.md: a table for each part of the chart. */
export function referenceText(schema: Schema): string {
  const values = valuesOf(schema);
  const lines = [
    `<!-- Generated from values.schema.json; do not edit. To change it, edit the schema and run: ${COMMAND} -->`,
    '',
    '# Values',
  ];
  const tops = values.filter(({ path }) => path.length === 1);
  lines.push('', ...tableOf(tops.filter(({ section }) => !section)));
  for (const top of tops.filter(({ section }) => section)) {
    const inside = values.filter(({ path, section }) => path.length > 1 && path[0] === top.path[0] && !section);
    lines.push('', `## ${top.path[0]}`, '', top.description, '', ...tableOf(inside));
  }
  return `${lines.join('\n')}\n`;
}

function tableOf(values: readonly Value[]): string[] {
  return ['| value | type | default | |', '| --- | --- | --- | --- |', ...values.map(rowOf)];
}

function rowOf({ path, schema, description, default: value }: Value): string {
  const shown = value === undefined ? '' : `\`${inline(value)}\``;
  return `| \`${path.join('.')}\` | ${typeOf(schema)} | ${shown} | ${description} |`;
}

/** `integer, 1 to 64`, `list of integer`, `cpu, cuda`. */
function typeOf(schema: Schema): string {
  const { type, minimum, maximum, items, enum: words } = schema;
  if (words !== undefined) return words.join(', ');
  if (type === 'array') return items?.type === undefined ? 'list' : `list of ${typeOf(items)}`;
  const from = minimum !== undefined && maximum === undefined ? `, from ${minimum}` : '';
  const between = minimum !== undefined && maximum !== undefined ? `, ${minimum} to ${maximum}` : '';
  return `${[type].flat().join(' or ')}${from}${between}`;
}

/** YAML in one line: JSON with spaces, and plain keys without quotes. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => `${/^[a-z_]+$/i.test(key) ? key : JSON.stringify(key)}: ${inline(field)}`);
  return `{${fields.join(', ')}}`;
}

function wrap(text: string, columns: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
