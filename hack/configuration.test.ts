/** The repository's settings for tools that are not among its packages: the development container and Renovate. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Package {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>> & { readonly node: string };
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

interface Container {
  readonly build: { readonly dockerfile: string };
  readonly features: Readonly<Record<string, object>>;
  readonly containerEnv: Readonly<Record<string, string>>;
  readonly postCreateCommand: string;
}

interface Renovate {
  readonly packageRules: readonly { readonly matchPackageNames?: readonly string[]; readonly groupName: string }[];
}

const project = JSON.parse(read('package.json')) as Package;
const container = JSON.parse(read('.devcontainer/devcontainer.json')) as Container;
const dockerfile = read('.devcontainer/Dockerfile');
const workflow = read('.github/workflows/ci.yml');

test('the development container is built from what is there, and set up by a script of package.json', () => {
  assert.ok(existsSync(join(root, '.devcontainer', container.build.dockerfile)));
  assert.notEqual(project.scripts[container.postCreateCommand.replace('npm run ', '')], undefined);
  assert.deepEqual(
    Object.keys(container.features).filter((feature) => !/^ghcr\.io\/devcontainers\/features\/[a-z-]+:\d+$/.test(feature)),
    [],
  );
});

test('Node.js in the development container is of the major version that the project runs on', () => {
  const [, major] = /javascript-node:\d+-(\d+)-/.exec(dockerfile)!;
  assert.equal(major, project.devDependencies.node.split('.')[0]);
});

test('development container and CI let no test skip what they bring', () => {
  const sources = globSync('hack/**/*.ts', { cwd: root }).filter((path) => !path.endsWith('.test.ts'));
  const asked = new Set(sources.flatMap((path) => read(path).match(/FOOTFALL_REQUIRE_[A-Z]+/g) ?? []));
  assert.deepEqual(new Set(Object.keys(container.containerEnv)), asked);
  assert.deepEqual(new Set(workflow.match(/FOOTFALL_REQUIRE_[A-Z]+/g)), asked);
});

for (const [tool, pattern, files] of [
  [
    'MediaMTX',
    /bluenviron\/mediamtx:(\d+\.\d+\.\d+)/g,
    ['.devcontainer/Dockerfile', '.github/workflows/ci.yml', 'hack/e2e/camera/Dockerfile'],
  ],
  ['setup-envtest', /setup-envtest@(v\d+\.\d+\.\d+)/g, ['.devcontainer/Dockerfile', '.github/workflows/ci.yml']],
  ['the API server', /setup-envtest"? use (\d+\.\d+\.\d+)/g, ['.devcontainer/Dockerfile', '.github/workflows/ci.yml']],
  ['actionlint', /actionlint@(v\d+\.\d+\.\d+)/g, ['.devcontainer/Dockerfile', '.github/workflows/ci.yml']],
] as const) {
  test(`${tool} has one version everywhere`, () => {
    const versions = files.map((file) => [...read(file).matchAll(pattern)].map(([, version]) => version));
    assert.deepEqual([versions.filter((found) => found.length === 0), new Set(versions.flat()).size], [[], 1]);
  });
}

test('each exact pin of package.json has its group with Renovate, and each group still has a pin', () => {
  const { packageRules } = JSON.parse(read('renovate.json')) as Renovate;
  const pins = Object.keys({ ...project.dependencies, ...project.devDependencies, ...project.optionalDependencies });
  const patterns = packageRules.flatMap(({ matchPackageNames = [] }) => matchPackageNames);
  const matches = (pin: string, pattern: string) => (pattern.endsWith('/**') ? pin.startsWith(pattern.slice(0, -2)) : pin === pattern);
  assert.deepEqual(
    pins.filter((pin) => !patterns.some((pattern) => matches(pin, pattern))),
    [],
  );
  const idle = patterns.filter((pattern) => !pins.some((pin) => matches(pin, pattern)));
  assert.deepEqual(idle, ['bluenviron/mediamtx']);
});
