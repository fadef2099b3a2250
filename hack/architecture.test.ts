/** The documents name files that exist. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
// Notes on models name files of other projects.
const documents = globSync('**/*.md', { cwd: root, exclude: ['**/node_modules', 'dist', '**/.*', 'models/*/**'] });

/** From the root: `edge-agent/src/session.ts` in code quotes. From the document: `src/session.ts`, and [links](to/files). */
function pathsIn(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  const fromRoot = text.matchAll(
    /`((?:crds|proto|edge-agent|counter-service|operator|local|hack|models|charts|examples|docs\/(?:decisions|reference))\/[\w./-]+)`/g,
  );
  const fromHere = [...text.matchAll(/`(src\/[\w./-]+)`/g), ...text.matchAll(/\]\(([\w./-]+)\)/g)];
  return [...[...fromRoot].map((match) => match[1]!), ...fromHere.map((match) => join(dirname(document), match[1]!))];
}

for (const document of documents) {
  test(`every path in ${document} exists`, () => {
    assert.deepEqual(
      pathsIn(document).filter((path) => !existsSync(join(root, path))),
      [],
    );
  });
}

test('the documents are found, and name places', () => {
  assert.ok(documents.length > 20);
  assert.ok(pathsIn('ARCHITECTURE.md').length > 20);
});
