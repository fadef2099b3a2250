import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objection, type Tree } from './tree.ts';

const prepared: Tree = { changes: [], version: '0.3.0', revision: 'abc123', tags: ['v0.2.0', 'v0.3.0'], tagsOfHead: ['v0.3.0'] };
const before: Tree = { ...prepared, version: '0.2.0', tags: ['v0.2.0'], tagsOfHead: [] };

test('a clean tree is prepared for a newer version, and published once the tag is there', () => {
  assert.equal(objection(before, '0.3.0', 'prepare'), undefined);
  assert.equal(objection(prepared, '0.3.0', 'publish'), undefined);
});

for (const [tree, version, phase, sentence] of [
  [
    { ...before, changes: [' M README.md', '?? new'] },
    '0.3.0',
    'prepare',
    'The working tree has uncommitted changes (M README.md): commit them, or take them back.',
  ],
  [
    { ...prepared, changes: ['?? new'] },
    '0.3.0',
    'publish',
    'The working tree has uncommitted changes (?? new): commit them, or take them back.',
  ],
  [before, '0.2.0', 'prepare', "0.2.0 is not newer than package.json's 0.2.0."],
  [{ ...before, tags: ['v0.3.0'] }, '0.3.0', 'prepare', 'There is a tag v0.3.0 already.'],
  [before, '0.3.0', 'publish', 'package.json says 0.2.0, not 0.3.0: prepare the release first.'],
  [{ ...prepared, tagsOfHead: ['v0.2.0'] }, '0.3.0', 'publish', 'The commit has no tag v0.3.0.'],
] as const) {
  test(`no release is ${phase === 'prepare' ? 'prepared' : 'published'}: ${sentence}`, () => {
    assert.equal(objection(tree, version, phase), sentence);
  });
}
