/** A trial sees what a process says and hears only if the process has the watched protocol, however the product imports it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../../..');

for (const [side, opens] of [
  ['server.ts', 'serveCounting'],
  ['client.ts', 'dialCounting'],
] as const) {
  test(`a process under trial has points around ${opens}`, () => {
    const program = `
      const watched = await import('./hack/trials/inside/protocol.ts');
      for (const specifier of ['#proto/wire/${side}', './proto/src/wire/${side}'])
        console.log((await import(specifier)).${opens} === watched.${opens});`;
    const output = execFileSync(process.execPath, ['--import', './hack/trials/inside/hooks.ts', '--input-type=module', '-e', program], {
      cwd: root,
      env: { ...process.env, FOOTFALL_TRIAL: '{}' },
      encoding: 'utf8',
    });
    assert.equal(output, 'true\ntrue\n');
  });
}
