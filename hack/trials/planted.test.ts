/** The planted bugs fit the code as it is: `planted.ts` finds out whether each is caught. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { documentOf, plantedBugs, staleness, TABLE } from './planted.ts';

const root = join(import.meta.dirname, '../..');

for (const bug of plantedBugs()) {
  test(`the bug "${bug.bug}" can be planted: one line, for which there is a means`, () => {
    assert.equal(staleness(bug), undefined);
    const changed = readFileSync(bug.patch, 'utf8')
      .split('\n')
      .filter((line) => /^[-+](?![-+]{2} )/.test(line));
    assert.ok(changed.length === 1 || (changed.length === 2 && changed[0]!.startsWith('-') && changed[1]!.startsWith('+')));
    assert.ok(bug.bug !== '' && bug.means.length > 0);
    for (const file of bug.means.flatMap((command) => command.match(/\S+\.ts/g) ?? [])) assert.ok(existsSync(join(root, file)), file);
  });
}

test('the table is that of these bugs', () => {
  assert.equal(readFileSync(TABLE, 'utf8'), documentOf(plantedBugs()), 'node hack/trials/planted.ts writes it, when all are caught');
});

test('there are planted bugs', () => assert.ok(plantedBugs().length >= 10));
