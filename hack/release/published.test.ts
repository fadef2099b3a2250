/** Chart, Dockerfile and workflow name what a release publishes. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { valuesOf, valuesSchema } from '../chart/schema.ts';
import { images, REGISTRY } from './published.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('by default the chart installs the images that a release publishes, of its own version', () => {
  const defaults = new Map(valuesOf(valuesSchema()).map((value) => [value.path.join('.'), value.default]));
  const installed = images.map(({ part }) => [part, defaults.get(`${part}.image.repository`), defaults.get(`${part}.image.tag`)]);
  assert.deepEqual(
    installed,
    images.map(({ part, repository }) => [part, repository, '']),
  );
});

test('each image is published under its own title', () => {
  const dockerfile = read('hack/images/Dockerfile');
  for (const { target, repository } of images) {
    const stage = dockerfile.split(/^(?=FROM )/m).find((lines) => lines.startsWith(`FROM common AS ${target}\n`));
    assert.match(stage ?? '', new RegExp(`image\\.title=${repository.replace(`${REGISTRY}/`, '')}\\b`));
  }
});

test('the workflow logs in where the release pushes, and attests the digest of each image', () => {
  const workflow = read('.github/workflows/release.yml');
  assert.deepEqual(
    [...workflow.matchAll(/^ +registry: (.*)$/gm)].map(([, host]) => host),
    [REGISTRY.split('/')[0]],
  );
  const attested = [...workflow.matchAll(/subject-digest: \$\{\{ steps\.release\.outputs\.(\w+)-digest \}\}/g)].map(([, part]) => part);
  assert.deepEqual(
    attested,
    images.map(({ part }) => part),
  );
});

test('the registry is named in one place of the code', () => {
  const naming = readdirSync(import.meta.dirname).filter(
    (file) => !file.includes('.test.') && read(`hack/release/${file}`).includes(REGISTRY),
  );
  assert.deepEqual(naming, ['published.ts']);
  assert.ok(!read('.github/workflows/release.yml').includes(REGISTRY));
});
