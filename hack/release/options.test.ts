import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { readOptions } from './options.ts';

const usual = { version: '0.3.0', dryRun: false, directory: resolve('dist/release'), output: 'text' };

test('a release is prepared or published, and a dry run rehearses both unless one is named', () => {
  assert.deepEqual(readOptions(['prepare', '--version', '0.3.0']), { ...usual, phases: ['prepare'] });
  assert.deepEqual(readOptions(['--version', '0.3.0', 'publish']), { ...usual, phases: ['publish'] });
  assert.deepEqual(readOptions(['--version', '0.3.0', '--dry-run']), { ...usual, dryRun: true, phases: ['prepare', 'publish'] });
  assert.deepEqual(readOptions(['publish', '--version', '0.3.0', '--dry-run']), { ...usual, dryRun: true, phases: ['publish'] });
});

const whichPhase = 'Name prepare or publish, or --dry-run for a rehearsal of both (see --help).';

for (const [args, sentence] of [
  [[], 'Name the version, as in --version 1.2.3 (see --help).'],
  [['publish', '--version', 'v0.3.0'], '--version must be such as 1.2.3, found v0.3.0.'],
  [['--version', '0.3.0'], whichPhase],
  [['prepare', 'publish', '--version', '0.3.0'], whichPhase],
  [['announce', '--version', '0.3.0', '--dry-run'], whichPhase],
  [['--version', '0.3.0', '--dry-run', '--output', 'yaml'], '--output must be one of text, json, found yaml.'],
  [['--version', '0.3.0', '--dry'], "Unknown option '--dry' (see --help)."],
] as const) {
  test(`"${args.join(' ')}" is refused: ${sentence}`, () => {
    assert.throws(() => readOptions(args), { message: sentence });
  });
}
