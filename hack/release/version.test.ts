import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNewer, isVersion } from './version.ts';

const ascending = ['0.2.0', '0.2.1', '0.2.10', '0.10.0', '1.0.0'];

test('of two versions the later one is newer, and none is newer than itself', () => {
  for (const [index, version] of ascending.entries()) {
    const older = ascending.filter((other) => isNewer(version, other));
    assert.deepEqual(older, ascending.slice(0, index));
  }
});

test('a version has three numbers and nothing else', () => {
  assert.deepEqual(ascending.filter(isVersion), ascending);
  assert.deepEqual(['', 'v0.3.0', '0.3', '0.3.0.1', '00.3.0', '0.3.0-rc.1', '0.3.0\n', '1234567.0.0'].filter(isVersion), []);
});
