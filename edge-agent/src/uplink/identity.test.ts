import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Identity } from './identity.ts';

function setting(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-identity-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const files = {
    serverName: 'footfall-counter.footfall-system.svc',
    authoritiesFile: join(folder, 'ca.crt'),
    tokenFile: join(folder, 'token'),
  };
  return {
    files,
    write: (file: 'authoritiesFile' | 'tokenFile', text: string) => writeFileSync(files[file], text),
    identity: new Identity(files, 0.01),
  };
}

test('authorities and token are read at every dial', (context) => {
  const { identity, write, files } = setting(context);
  write('authoritiesFile', 'those\n');
  write('tokenFile', 'first\n');
  assert.deepEqual(identity.read(), { authorities: Buffer.from('those'), serverName: files.serverName, token: 'first' });
  write('authoritiesFile', 'these');
  write('tokenFile', 'second');
  assert.deepEqual(identity.read(), { authorities: Buffer.from('these'), serverName: files.serverName, token: 'second' });
});

test('a missing or empty file is named, and prevents the dial', (context) => {
  const { identity, write, files } = setting(context);
  assert.throws(() => identity.read(), {
    message: `The agent has no authorities to check counters by: ${files.authoritiesFile} cannot be read (ENOENT).`,
  });
  write('authoritiesFile', 'those');
  assert.throws(() => identity.read(), { message: `The agent has no token: ${files.tokenFile} cannot be read (ENOENT).` });
  write('tokenFile', '\n');
  assert.throws(() => identity.read(), { message: `The agent has no token: ${files.tokenFile} is empty.` });
});

test('each token that replaces the one sent last is sent once, also when the file was missing in between', async (context) => {
  const { identity, write, files } = setting(context);
  write('authoritiesFile', 'those');
  write('tokenFile', 'first');
  identity.read();
  const over = new AbortController();
  const tokens = identity.tokens(over.signal);
  const next = tokens.next();
  rmSync(files.tokenFile);
  write('tokenFile', 'second');
  assert.equal((await next).value, 'second');
  const another = tokens.next();
  write('tokenFile', 'third');
  assert.equal((await another).value, 'third');
  const none = tokens.next();
  over.abort(new Error('the call is over'));
  await assert.rejects(none, /the call is over/);
});
