import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutChangelog, notesOf } from './changelog.ts';

const changelog = `# Changelog

## Unreleased

- A zone has a name.
- \`$&\` is kept in
  two lines.

## 0.2.0 (2026-11-01)

- Lines.
`;

const cut = `# Changelog

## Unreleased

## 0.3.0 (2026-12-01)

- A zone has a name.
- \`$&\` is kept in
  two lines.

## 0.2.0 (2026-11-01)

- Lines.
`;

test('what was unreleased belongs to the version, and nothing is unreleased', () => {
  assert.equal(cutChangelog(changelog, '0.3.0', '2026-12-01'), cut);
});

test('the notes of a version are its entries, whatever is above or below them', () => {
  assert.equal(notesOf(cut, '0.3.0'), '- A zone has a name.\n- `$&` is kept in\n  two lines.\n');
  assert.equal(notesOf(cut, '0.2.0'), '- Lines.\n');
});

for (const [text, version, sentence] of [
  [changelog, '0.2.0', 'CHANGELOG.md has a section 0.2.0 already.'],
  ['# Changelog\n', '0.3.0', 'CHANGELOG.md has no section "## Unreleased".'],
  [cut, '0.4.0', 'CHANGELOG.md names nothing unreleased: there is nothing to release.'],
] as const) {
  test(`a changelog is not cut to ${version} when it must not be: ${sentence}`, () => {
    assert.throws(() => cutChangelog(text, version, '2026-12-01'), { message: sentence });
  });
}

test('a version whose number another one begins with is not taken for it', () => {
  assert.throws(() => notesOf('## 0.2.01 (2026-11-01)\n\n- Lines.\n', '0.2.0'), { message: 'CHANGELOG.md has no entries for 0.2.0.' });
});
