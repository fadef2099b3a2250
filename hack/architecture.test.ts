/** ARCHITECTURE.md and the READMEs name files that exist. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
const documents = ['ARCHITECTURE.md', 'README.md', 'CONTRIBUTING.md', 'models/README.md', 'crds/README.md'];

/** `edge-agent/src/session.ts` in code quotes, and [links](to/files). */
function pathsIn(text: string): string[] {
  const quoted = text.matchAll(/`((?:crds|proto|edge-agent|counter-service|operator|hack|models|charts)\/[\w./-]+)`/g);
  const linked = text.matchAll(/\]\(([\w./-]+)\)/g);
  return [...quoted, ...linked].map((match) => match[1]!);
}

for (const document of documents) {
  test(`every path in ${document} exists`, () => {
    const paths = pathsIn(readFileSync(join(root, document), 'utf8'));
    assert.deepEqual(
      paths.filter((path) => !existsSync(join(root, path))),
      [],
    );
  });
}

test('ARCHITECTURE.md names places at all', () => {
  assert.ok(pathsIn(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')).length > 20);
});
