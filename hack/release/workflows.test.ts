/** What must hold of .github/workflows. actionlint, where it is, checks their syntax; the rest needs no binary. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { parseDocuments } from '#crds/documents.ts';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly 'timeout-minutes'?: number;
}

interface Workflow {
  readonly file: string;
  readonly text: string;
  readonly on: object;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** A job that may write, and why: publish pushes and attests, announce makes the release's page. No other may. */
const writers: Readonly<Record<string, readonly string[]>> = {
  'release.yml publish': ['attestations', 'id-token', 'packages'],
  'release.yml announce': ['contents'],
};

const root = join(import.meta.dirname, '../..');
const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder).map((file): Workflow => {
  const text = readFileSync(join(folder, file), 'utf8');
  return { ...(parseDocuments(text)[0]!.value as Omit<Workflow, 'file' | 'text'>), file, text };
});
const jobs = workflows.flatMap(({ file, jobs: of }) => Object.entries(of).map(([name, job]) => ({ name: `${file} ${name}`, job })));
const steps = jobs.flatMap(({ name, job }) => (job.steps ?? []).map((step) => ({ name, step })));

const ACTIONLINT = process.env['FOOTFALL_ACTIONLINT'] ?? 'actionlint';
const withoutActionlint =
  spawnSync(ACTIONLINT, ['--version'], { stdio: 'ignore' }).error !== undefined && 'needs actionlint on the PATH or in FOOTFALL_ACTIONLINT';

test('actionlint finds nothing to complain of', { skip: withoutActionlint }, () => {
  const { status, stdout, stderr } = spawnSync(ACTIONLINT, ['-no-color'], { cwd: root, encoding: 'utf8' });
  assert.deepEqual([stdout + stderr, status], ['', 0]);
});

test('there is a workflow for changes and one for releases', () => {
  assert.deepEqual(
    workflows.map(({ file }) => file),
    ['ci.yml', 'release.yml'],
  );
  assert.ok(steps.length > 10);
});

test('each script of npm that a workflow runs is in package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const run = steps.flatMap(({ step }) =>
    [...(step.run ?? '').matchAll(/\bnpm (?:run (?:--\S+ )*)?([\w:]+)/g)].map(([, script]) => script!),
  );
  assert.deepEqual(new Set(run), new Set(['verify', 'test', 'test:all']));
  assert.deepEqual(
    run.filter((script) => scripts[script] === undefined),
    [],
  );
});

test('each script of the project that a workflow runs is there', () => {
  const run = steps.flatMap(({ step }) => [...(step.run ?? '').matchAll(/\bnode (\S+\.ts)/g)].map(([, path]) => path!));
  assert.deepEqual([run.length > 0, run.filter((path) => !existsSync(join(root, path)))], [true, []]);
});

test('a workflow may read the contents at most, and only the jobs that publish may write', () => {
  for (const { file, permissions } of workflows) {
    assert.ok(permissions !== undefined, `${file} takes what the repository gives`);
    assert.deepEqual(
      Object.entries(permissions).filter(([scope, access]) => scope !== 'contents' || access !== 'read'),
      [],
    );
  }
  for (const { name, job } of jobs) {
    const written = Object.entries(job.permissions ?? {})
      .filter(([, access]) => access !== 'read')
      .map(([scope]) => scope);
    assert.deepEqual(written.toSorted(), writers[name] ?? [], name);
  }
});

test("no workflow runs a stranger's code with the rights of the repository", () => {
  assert.deepEqual(
    workflows.filter(({ on }) => 'pull_request_target' in on || 'workflow_run' in on),
    [],
  );
});

test('each action is pinned to a commit, with its version beside it', () => {
  const used = workflows.flatMap(({ text }) => [...text.matchAll(/\buses: (?!\.\/)(.*)$/gm)].map(([, action]) => action!));
  assert.deepEqual([used.length > 0, used.filter((action) => !/^[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))], [true, []]);
});

test('the same action has the same version everywhere', () => {
  const used = new Set(
    workflows.flatMap(({ text }) => [...text.matchAll(/\buses: (\S+)@(\S+)/g)].map(([, action, commit]) => `${action} ${commit}`)),
  );
  assert.equal(new Set([...used].map((line) => line.split(' ')[0])).size, used.size);
});

test('no checkout leaves the token behind, and no script is put together from what others wrote', () => {
  const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'));
  assert.deepEqual(
    checkouts.filter(({ step }) => step.with?.['persist-credentials'] !== false),
    [],
  );
  assert.deepEqual(
    steps.filter(({ step }) => step.run?.includes('${{')),
    [],
  );
});

test('each job ends, whatever hangs', () => {
  assert.deepEqual(
    jobs.filter(({ job }) => job.uses === undefined && job['timeout-minutes'] === undefined).map(({ name }) => name),
    [],
  );
});
