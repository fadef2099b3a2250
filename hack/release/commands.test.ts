import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { listPackages, packageChart, platformsOf, publishImage, pushChart, rehearseImage, typed } from './commands.ts';
import { images } from './published.ts';

const operator = images[0]!;
const build = { version: '0.3.0', revision: 'abc123', node: '24.21.0' };
const start =
  'docker buildx build --file=hack/images/Dockerfile --target=operator --build-arg=VERSION=0.3.0 ' +
  '--build-arg=NODE_IMAGE=node:24.21.0-bookworm-slim --label=org.opencontainers.image.revision=abc123';

test('an image is pushed for both architectures under its version alone, with provenance and SBOM', () => {
  assert.equal(
    typed(publishImage(operator, build, 'out/operator.json')),
    `${start} --platform=linux/amd64,linux/arm64 --provenance=mode=max --sbom=true ` +
      '--tag=ghcr.io/footfall-dev/footfall-operator:0.3.0 --metadata-file=out/operator.json --push .',
  );
});

test('a rehearsal builds the same image, names it nothing and pushes nothing', () => {
  assert.equal(typed(rehearseImage(operator, build, 'linux/arm64')), `${start} --platform=linux/arm64 --output=type=cacheonly .`);
});

test('the chart is packaged and pushed beside the images', () => {
  assert.equal(typed(packageChart('helm', 'dist/release')), 'helm package charts/footfall --destination=dist/release');
  assert.equal(
    typed(pushChart('helm', 'dist/release/footfall-0.3.0.tgz')),
    'helm push dist/release/footfall-0.3.0.tgz oci://ghcr.io/footfall-dev/charts',
  );
});

test('a command that is shown is one that a shell would run', () => {
  const words = ['plain', 'two words', "it's", '$HOME', '*', ''];
  const command = typed({ program: 'printf', args: ['%s\\n', ...words] });
  assert.deepEqual(spawnSync('sh', ['-c', command], { encoding: 'utf8' }).stdout.split('\n').slice(0, -1), words);
});

test('packages are listed without installing any, and without those for development', () => {
  assert.ok(typed(listPackages).startsWith('npm sbom --package-lock-only --omit=dev'));
});

test('a builder says what it can build for, on each of its nodes', () => {
  const inspected = `Name:          default
Driver:        docker-container

Nodes:
Name:                  one
Platforms:             linux/amd64*, linux/amd64/v2, linux/386
Name:                  two
Platforms:             linux/arm64
`;
  assert.deepEqual(platformsOf(inspected), ['linux/amd64', 'linux/amd64/v2', 'linux/386', 'linux/arm64']);
  assert.deepEqual(platformsOf('Name: default\nStatus: inactive\n'), []);
});
