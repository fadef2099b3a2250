import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readOptions } from './options.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const usual = { cluster: 'footfall-e2e', keep: false, only: [], minutes: 3, seed: 42 };
const known = ['one-pass', 'node-lost'];

test('all scenarios run when none is named', () => {
  assert.deepEqual(readOptions(['--seed', '42'], known), usual);
});

test('several scenarios may follow one --only', () => {
  assert.deepEqual(readOptions(['--seed', '42', '--only', 'one-pass', 'node-lost', '--keep'], known), {
    ...usual,
    keep: true,
    only: ['one-pass', 'node-lost'],
  });
});

for (const [args, sentence] of [
  [['--only', 'two-pass'], 'There is no scenario two-pass; there are one-pass, node-lost.'],
  [['node-lost'], 'node-lost is no option (see --help).'],
  [['--cluster', 'Lab'], '--cluster must be a name of lower-case letters, digits and dashes, found Lab.'],
  [['--minutes', '2.5'], '--minutes must be a whole number from 0 to 60, found 2.5.'],
  [['--kep'], "Unknown option '--kep' (see --help)."],
] as const) {
  test(`"${args.join(' ')}" is refused: ${sentence}`, () => {
    assert.throws(() => readOptions(args, known), { message: sentence });
  });
}

test('a run without its programs ends with code 2 and a sentence that names them', () => {
  const nowhere = mkdtempSync(join(tmpdir(), 'footfall-e2e-'));
  try {
    const { status, stderr } = spawnSync(process.execPath, [main], { env: { ...process.env, PATH: nowhere }, encoding: 'utf8' });
    assert.equal(status, 2);
    assert.equal(
      stderr,
      'docker and kind and kubectl and helm are missing: the end-to-end tests need docker, kind, kubectl and helm on the PATH.\n',
    );
  } finally {
    rmSync(nowhere, { recursive: true });
  }
});

test('--help names every scenario with its promise, and needs no program', () => {
  const { status, stdout } = spawnSync(process.execPath, [main, '--help'], { env: { ...process.env, PATH: '' }, encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /^ {2}one-pass +Footfall counts each person/m);
});
