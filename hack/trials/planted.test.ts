/** The patches of the planted bugs apply to the present code; `planted.ts` runs the checks that must catch them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { documentOf, plantedBugs, staleness, TABLE } from './planted.ts';

const root = join(import.meta.dirname, '../..');

for (const bug of plantedBugs()) {
  test(`the bug "${bug.bug}" is a patch that applies, changes one line and names its checks`, () => {
    assert.equal(staleness(bug), undefined);
    const changed = readFileSync(bug.patch, 'utf8')
      .split('\n')
      .filter((line) => /^[-+](?![-+]{2} )/.test(line));
    assert.ok(changed.length === 1 || (changed.length === 2 && changed[0]!.startsWith('-') && changed[1]!.startsWith('+')));
    assert.ok(bug.bug !== '' && bug.checks.length > 0);
    for (const file of bug.checks.flatMap((command) => command.match(/\S+\.ts/g) ?? [])) assert.ok(existsSync(join(root, file)), file);
  });
}

test('the table in planted/README.md lists the planted bugs', () => {
  assert.equal(readFileSync(TABLE, 'utf8'), documentOf(plantedBugs()), 'node hack/trials/planted.ts writes it when all bugs are caught');
});

test('there are planted bugs', () => assert.ok(plantedBugs().length >= 10));
