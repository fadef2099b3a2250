import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as z from 'zod';
import { crdText, customResourceDefinition } from './crd.ts';
import { cameraStream, kinds } from './kinds.ts';
import { group } from './schema.ts';
import { type Structural, structuralOf } from './structural.ts';

const schemas = kinds.flatMap(({ kind, spec, status }) => [
  { path: `${kind}.spec`, schema: structuralOf(spec) },
  { path: `${kind}.status`, schema: structuralOf(status) },
]);
const nodes = schemas.flatMap(({ path, schema }) => [...walk(path, schema)]);

function* walk(path: string, schema: Structural): Generator<[string, Structural]> {
  yield [path, schema];
  if (schema.items !== undefined) yield* walk(`${path}[]`, schema.items as Structural);
  if (schema.additionalProperties !== undefined) yield* walk(`${path}{}`, schema.additionalProperties as Structural);
  for (const [name, property] of Object.entries(schema.properties ?? {})) yield* walk(`${path}.${name}`, property as Structural);
}

for (const kind of kinds) {
  test(`the committed CRD of ${kind.kind} is up to date; if not: npm run generate`, () => {
    assert.equal(readFileSync(new URL(`${group}_${kind.plural}.yaml`, import.meta.url), 'utf8'), crdText(kind));
  });
}

test('every part of the schema has a type that Kubernetes knows, and no floats', () => {
  for (const [path, schema] of nodes) assert.ok(['object', 'array', 'string', 'integer', 'boolean'].includes(String(schema.type)), path);
});

test('every list, text, number and mapping is bounded, so that the cost of the rules is bounded', () => {
  for (const [path, schema] of nodes) {
    if (schema.type === 'array') assert.ok(schema.maxItems !== undefined, path);
    if (schema.type === 'string') assert.ok(schema.maxLength !== undefined || schema.enum !== undefined, path);
    if (schema.type === 'integer') assert.ok(schema.minimum !== undefined && schema.maximum !== undefined, path);
    if (schema.additionalProperties !== undefined) assert.ok(schema.maxProperties !== undefined, path);
  }
});

test('every field has a description', () => {
  for (const [path, schema] of nodes.filter(([name]) => !/[\]}]$/.test(name)))
    assert.match(String(schema.description), /^[A-Z].*\.$/, path);
});

test('a keyword that Kubernetes does not know stops the generator', () => {
  assert.throws(
    () => structuralOf(z.object({ either: z.union([z.string(), z.boolean()]) })),
    /schema\.either: Kubernetes knows no keyword anyOf/,
  );
});

test('the rules of the ledger are in the CRD, and the status is a subresource', () => {
  const [served] = customResourceDefinition(cameraStream).spec.versions;
  assert.deepEqual(served?.subresources, { status: {} });
  const counts = nodes.find(([path]) => path === 'CameraStream.status.counts')?.[1];
  const rules = counts?.['x-kubernetes-validations'] as { rule: string }[] | undefined;
  assert.deepEqual(
    rules?.map(({ rule }) => rule),
    [
      'self.term >= oldSelf.term',
      'self.term > oldSelf.term || self.position >= oldSelf.position',
      'self.__in__ >= oldSelf.__in__ && self.out >= oldSelf.out',
      '!has(self.doubtfulSeconds) || !has(oldSelf.doubtfulSeconds) || self.doubtfulSeconds >= oldSelf.doubtfulSeconds',
      '!has(self.delivered) || (self.delivered.crossings <= self.__in__ + self.out && self.delivered.gaps <= self.gaps.count)',
      '!has(self.delivered) || !has(oldSelf.delivered) || ' +
        '(self.delivered.crossings >= oldSelf.delivered.crossings && self.delivered.gaps >= oldSelf.delivered.gaps)',
    ],
  );
});

test('rules apply to a source as a whole: the API server repeats a field that it refuses, and the url may contain a password', () => {
  const url = nodes.find(([path]) => path === 'CameraStream.spec.source.url')?.[1];
  assert.equal(url?.pattern, undefined);
  assert.equal(url?.['x-kubernetes-validations'], undefined);
});
