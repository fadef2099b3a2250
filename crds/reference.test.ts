import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { referenceText } from './reference.ts';

const text = referenceText();
const [spec, status] = text.split('\n## status\n');

test('the committed reference is fresh; if not: npm run generate', () => {
  assert.equal(readFileSync(new URL('../docs/reference/camerastream.md', import.meta.url), 'utf8'), text);
});

test('a field has its type with bounds, its default, and whether it is required', () => {
  assert.match(spec!, /^\| `framesPerSecond` \| integer, 1 to 30 \| `10` \|  \| .+\. \|$/m);
  assert.match(spec!, /^\| `transport` \| `tcp`, `udp` \| `"tcp"` \|  \| .+\. \|$/m);
  assert.match(spec!, /^\| `site` \| string, 1 to 63 characters \|  \|  \| .+\. \|$/m);
  assert.match(spec!, /^\| `from\.x` \| integer, 0 to 1000 \|  \| yes \| .+\. \|$/m);
  assert.match(spec!, /^\| `polygon` \| list of 3 to 32 objects \|  \| yes \| .+\. \|$/m);
  assert.match(status!, /^\| `gaps\.last\.from` \| time \|  \| yes \| .+\. \|$/m);
});

test('a field with fields of its own leads to its section', () => {
  const links = [...text.matchAll(/\]\(#(\w+)\)/g)].map(([, anchor]) => anchor);
  const anchors = [...text.matchAll(/^##+ (.+)$/gm)].map(([, heading]) => heading!.replaceAll('.', '').toLowerCase());
  assert.ok(links.includes('specsource') && links.includes('statuscounts'));
  assert.deepEqual(
    links.filter((link) => !anchors.includes(link!)),
    [],
  );
});

test('rules name the field that they are about, also within lists', () => {
  assert.match(spec!, /^- `spec` must have at least one line or zone to count at\.$/m);
  assert.match(spec!, /^- `spec\.source\.transport` must be tcp for rtsps:\/\//m);
  assert.match(spec!, /^- `spec\.tolerations\[\]\.value` must be left out when operator is Exists\.$/m);
  assert.match(status!, /^- `status\.counts` must not lower a total\.$/m);
});
