import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseDocuments } from '#crds/documents.ts';
import { dashboardText } from './dashboard.ts';
import { rightsText } from './rights.ts';
import { CHART, type Schema, valuesOf, valuesSchema } from './schema.ts';
import { referenceText, valuesText } from './values.ts';

const schema: Schema = {
  properties: {
    size: { type: 'integer', minimum: 1, maximum: 9, description: 'How many.', default: 3 },
    camera: {
      description: 'The camera.',
      properties: {
        image: { $ref: '#/definitions/image', description: 'Its image.', default: { name: 'camera' } },
        labels: { type: 'object', description: 'Its labels.', default: {} },
      },
    },
    global: { type: 'object', description: 'Not read.' },
  },
  definitions: {
    image: {
      properties: { name: { type: 'string', description: 'A name.' }, tag: { type: 'string', description: 'A tag.', default: '' } },
    },
  },
};

for (const [path, text] of [
  ['values.yaml', valuesText(valuesSchema())],
  ['docs/values.md', referenceText(valuesSchema())],
  ['docs/rights.md', rightsText()],
  ['files/dashboard.json', dashboardText()],
] as const) {
  test(`charts/footfall/${path} is up to date`, () => {
    assert.equal(readFileSync(new URL(path, CHART), 'utf8'), text, `Mend it with: node hack/chart/generate.ts`);
  });
}

test('values.yaml has the defaults with their descriptions; a default of a part overrides the one of its definition', () => {
  assert.deepEqual(valuesText(schema).split('\n').slice(1), [
    '',
    '# How many.',
    'size: 3',
    '',
    '# The camera.',
    'camera:',
    '  # Its image.',
    '  image:',
    '    # A name.',
    '    name: "camera"',
    '    # A tag.',
    '    tag: ""',
    '  # Its labels.',
    '  labels: {}',
    '',
  ]);
});

test('the reference has the type, default and description of each value', () => {
  const rows = referenceText(schema)
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  assert.deepEqual(rows, [
    '| `size` | integer, 1 to 9 | `3` | How many. |',
    '| `global` | object |  | Not read. |',
    '| `camera.image.name` | string | `"camera"` | A name. |',
    '| `camera.image.tag` | string | `""` | A tag. |',
    '| `camera.labels` | object | `{}` | Its labels. |',
  ]);
});

test('a value without a description is an error', () => {
  assert.throws(() => valuesOf({ properties: { size: { type: 'integer' } } }), {
    message: 'size has no description in values.schema.json.',
  });
});

test('every mapping of the schema forbids unknown keys', () => {
  const open = mappings(valuesSchema(), []).filter(
    ({ schema: { properties, additionalProperties } }) => properties !== undefined && additionalProperties !== false,
  );
  assert.deepEqual(
    open.map(({ path }) => path.join('.')),
    [],
  );
});

test("the chart has the project's version, and so have its images", () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  const { value } = parseDocuments(readFileSync(new URL('Chart.yaml', CHART), 'utf8'))[0]!;
  assert.equal((value as { appVersion: string }).appVersion, version);
});

interface Mapping {
  readonly path: readonly string[];
  readonly schema: Schema;
}

function mappings(of: Schema, path: readonly string[]): Mapping[] {
  const inside = { ...of.properties, ...of.definitions, ...(of.items && { '[]': of.items }) };
  return [{ path, schema: of }, ...Object.entries(inside).flatMap(([key, schemaOf]) => mappings(schemaOf, [...path, key]))];
}
