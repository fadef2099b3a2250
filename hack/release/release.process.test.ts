/** The release script as a process, in a repository of its own that has no npm packages and, but for one test, neither docker nor helm. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';
import type { Summary } from './summary.ts';

const root = join(import.meta.dirname, '../..');
const carried = ['.gitignore', 'package.json', 'package-lock.json', 'charts/footfall/Chart.yaml', 'hack/images/Dockerfile'];
const scripts = [
  'hack/release',
  'hack/e2e/commands.ts',
  'hack/e2e/unpack.ts',
  'local/command.ts',
  'local/output.ts',
  'proto/src/process/shutdown.ts',
];

const folder = mkdtempSync(join(tmpdir(), 'footfall-release-test-'));
after(() => rmSync(folder, { recursive: true }));

interface Place {
  readonly repository: string;
  readonly programs: string;
}

/** A repository with one commit, and a folder with the only programs that the script finds. */
function place(name: string): Place {
  const repository = join(folder, name, 'repository');
  for (const path of [...carried, ...scripts]) cpSync(join(root, path), join(repository, path), { recursive: true });
  writeFileSync(join(repository, 'CHANGELOG.md'), '# Changelog\n\n## Unreleased\n\n- A zone has a name.\n');
  const programs = join(folder, name, 'programs');
  mkdirSync(programs);
  for (const program of ['git', 'tar', 'npm', 'sh']) symlinkSync(find(program), join(programs, program));
  symlinkSync(process.execPath, join(programs, 'node'));
  const made = { repository, programs };
  git(made, 'init', '--quiet');
  commit(made, 'a tree');
  return made;
}

function find(program: string): string {
  const paths = process.env['PATH']!.split(delimiter).map((path) => join(path, program));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  })!;
}

function git({ repository }: Place, ...args: readonly string[]): string {
  const names = { GIT_AUTHOR_NAME: 'A tester', GIT_COMMITTER_NAME: 'A tester' };
  const addresses = { GIT_AUTHOR_EMAIL: 'tester@example.com', GIT_COMMITTER_EMAIL: 'tester@example.com' };
  const env = { ...process.env, ...names, ...addresses, GIT_CONFIG_GLOBAL: '/dev/null' };
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: repository, encoding: 'utf8', env });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

function commit(at: Place, message: string): void {
  git(at, 'add', '--all');
  git(at, 'commit', '--quiet', '--message', message);
}

function release({ repository, programs }: Place, ...args: readonly string[]) {
  const env = { PATH: programs, HOME: folder, FOOTFALL_HELM: join(programs, 'helm') };
  return spawnSync(process.execPath, ['hack/release/main.ts', ...args], { cwd: repository, encoding: 'utf8', env });
}

function read({ repository }: Place, path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

function stub({ programs }: Place, name: string, script: string): void {
  writeFileSync(join(programs, name), `#!${find('sh')}\n${script}`);
  chmodSync(join(programs, name), 0o755);
}

test('a dry run leaves the tree as it is, writes what needs neither docker nor helm, and names what it left out', () => {
  const here = place('dry');
  const { status, stdout, stderr } = release(here, '--version', '7.8.9', '--dry-run', '--output', 'json');
  assert.equal(status, 0, stderr);
  assert.equal(git(here, 'status', '--porcelain'), '');
  const { artifacts, images, steps } = JSON.parse(stdout) as Summary;
  const skipped = steps.filter(({ outcome }) => outcome === 'skipped').map(({ step, sentence }) => `${step}: ${sentence}`);
  assert.match(skipped[0]!, /^chart: footfall-7\.8\.9\.tgz is not packaged: helm is neither on the PATH nor in FOOTFALL_HELM\.$/);
  assert.match(skipped[1]!, /^build: No image is built: docker buildx does not work here/);
  assert.deepEqual([skipped.slice(2), images], [['provenance: None was made: nothing was pushed.'], []]);

  assert.deepEqual(
    artifacts.map(({ file }) => file),
    ['footfall-7.8.9.cdx.json'],
  );
  const text = read(here, 'dist/release/footfall-7.8.9.cdx.json');
  const sum = createHash('sha256').update(text).digest('hex');
  assert.equal(read(here, 'dist/release/SHA256SUMS'), `${sum}  footfall-7.8.9.cdx.json\n`);
  const sbom = JSON.parse(text) as { metadata: { component: { name: string; version: string } }; components: { name: string }[] };
  assert.deepEqual([sbom.metadata.component.name, sbom.metadata.component.version], ['footfall', '7.8.9']);
  const names = sbom.components.map(({ name }) => name);
  assert.deepEqual([names.includes('onnxruntime-node'), names.includes('typescript')], [true, false]);
});

test('a tree with changes is not released, not even for show', () => {
  const here = place('changed');
  writeFileSync(join(here.repository, 'stray.ts'), '');
  const { status, stderr } = release(here, '--version', '7.8.9', '--dry-run');
  assert.deepEqual([status, stderr], [1, 'The working tree has uncommitted changes (?? stray.ts): commit them, or take them back.\n']);
});

test('what was prepared, committed and tagged is published: images with their digests, the chart, artifacts with checksums', () => {
  const here = place('published');
  assert.equal(release(here, 'prepare', '--version', '7.8.9').status, 0);
  const changed = ['CHANGELOG.md', 'charts/footfall/Chart.yaml', 'hack/images/Dockerfile', 'package-lock.json', 'package.json'];
  assert.deepEqual(git(here, 'diff', '--name-only').split('\n'), changed);
  commit(here, 'release: 7.8.9');
  git(here, 'tag', '--annotate', 'v7.8.9', '--message', '7.8.9');

  const without = release(here, 'publish', '--version', '7.8.9');
  assert.equal(without.status, 1);
  assert.match(without.stderr, /^Nothing was published: docker buildx does not work here/);

  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
  stub(
    here,
    'docker',
    `
case "$2" in version) exit ;; inspect) echo "Platforms: linux/amd64*, linux/arm64"; exit ;; esac
for option; do case "$option" in --metadata-file=*) file=\${option#*=} ;; esac; done
echo '{"containerimage.digest": "${digest}"}' > "$file"
`,
  );
  stub(here, 'helm', 'case "$1" in package) echo chart > "${3#*=}/footfall-7.8.9.tgz" ;; esac\n');
  const { status, stdout, stderr } = release(here, 'publish', '--version', '7.8.9', '--output', 'json');
  assert.equal(status, 0, stderr);
  const { artifacts, images } = JSON.parse(stdout) as Summary;
  assert.deepEqual(
    images.map((image) => [image.part, image.digest]),
    [
      ['operator', digest],
      ['agent', digest],
      ['counter', digest],
    ],
  );
  assert.deepEqual(
    artifacts.map(({ file }) => file),
    ['footfall-7.8.9.cdx.json', 'footfall-7.8.9.tgz'],
  );
  assert.equal(git(here, 'status', '--porcelain'), '');
});

test('bad input is told apart from a release that failed', () => {
  const { status, stderr } = release({ repository: root, programs: '' }, '--version', 'next', '--dry-run');
  assert.deepEqual([status, stderr], [2, '--version must be such as 1.2.3, found next.\n']);
});
