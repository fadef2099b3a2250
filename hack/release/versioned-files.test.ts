import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mentions, withVersion } from './versioned-files.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const { version: current } = JSON.parse(read('package.json')) as { version: string };
const change = { from: current, to: '7.8.9' };

for (const path of [
  'package.json',
  'package-lock.json',
  'charts/footfall/Chart.yaml',
  'hack/images/Dockerfile',
  'hack/chart/golden/default.yaml',
]) {
  test(`${path} gets another version and back, and nothing else in it changes`, () => {
    const text = read(path);
    const changed = withVersion(path, text, change);
    assert.ok(changed !== undefined && mentions(changed, '7.8.9'));
    assert.equal(withVersion(path, changed, { from: '7.8.9', to: current }), text);
  });
}

test('the lock file says the version of package.json in both places', () => {
  const lock = JSON.parse(withVersion('package-lock.json', read('package-lock.json'), change)!) as {
    version: string;
    packages: Record<string, { version: string }>;
  };
  assert.deepEqual([lock.version, lock.packages['']!.version], ['7.8.9', '7.8.9']);
});

test('the chart and what it installs get the same version', () => {
  const text = withVersion('charts/footfall/Chart.yaml', read('charts/footfall/Chart.yaml'), change)!;
  assert.deepEqual(text.match(/7\.8\.9/g)?.length, 2);
});

test('a longer number that has the version in it is another one', () => {
  const path = 'charts/footfall/docs/images.md';
  assert.equal(
    withVersion(path, 'a:0.2.0, b:0.2.0-cuda, 10.2.0, 0.2.01, 0.2.0.1. It was 0.2.0.', { from: '0.2.0', to: '0.3.0' }),
    'a:0.3.0, b:0.3.0-cuda, 10.2.0, 0.2.01, 0.2.0.1. It was 0.3.0.',
  );
});

test('a file that ought to carry the version and does not is a fault', () => {
  assert.throws(() => withVersion('hack/images/Dockerfile', 'FROM scratch\n', change), {
    message: 'There is no line ^ARG VERSION=.*$ to carry the version.',
  });
});

test('no file of chart or images mentions the version and is left behind by a release', () => {
  const { status, stdout } = spawnSync('git', ['ls-files', 'charts', 'hack/chart', 'hack/images', '.github', 'package.json', 'README.md'], {
    cwd: root,
    encoding: 'utf8',
  });
  // A copy of the tree without its history knows no list of files.
  const paths = status === 0 ? stdout.trim().split('\n') : ['charts/footfall/Chart.yaml'];
  const left = paths.filter((path) => mentions(withVersion(path, read(path), change) ?? read(path), current));
  assert.deepEqual(left, []);
});
