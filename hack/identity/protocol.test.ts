/** The protocol over TLS, as agents and counters speak it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { dialCounting } from '#proto/wire/client.ts';
import type { AgentCredentials } from '#proto/wire/credentials.ts';
import type { CounterCall } from '#proto/wire/protocol.ts';
import { type CountingServer, serveCounting } from '#proto/wire/server.ts';
import { Certificates, SERVER_NAME } from '../machine/certificates.ts';

async function setting(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-protocol-'));
  const certificates = await Certificates.make(folder);
  const shown = () => ({
    certificate: readFileSync(certificates.ofCounter.certificateFile),
    key: readFileSync(certificates.ofCounter.keyFile),
  });
  const tokens: (string | undefined)[] = [];
  const arrived: number[] = [];
  const server = await serveCounting(
    '127.0.0.1:0',
    async (call: CounterCall) => {
      tokens.push(call.token);
      for await (const message of call.messages)
        if (message.kind === 'hello') {
          arrived.push(call.bytesReceived());
          await call.send({ heartbeat: {} });
        }
    },
    { certificate: shown() },
  );
  const over = new AbortController();
  context.after(async () => {
    over.abort();
    await server.stop(50);
    rmSync(folder, { recursive: true });
  });
  return {
    certificates,
    server,
    shown,
    tokens,
    arrived,
    dial: (credentials?: AgentCredentials) => greeted(server, over.signal, credentials),
  };
}

/** An open call in which the counter answers. */
async function greeted({ port }: CountingServer, signal: AbortSignal, credentials?: AgentCredentials) {
  const call = dialCounting(`127.0.0.1:${port}`, signal, credentials);
  const answers = call.messages[Symbol.asyncIterator]();
  const ask = async () => {
    await call.send({ hello: { session: 's' } }).catch(() => undefined);
    return ((await answers.next()).value as { kind: string }).kind;
  };
  assert.equal(await ask(), 'heartbeat');
  return ask;
}

test('a token arrives with the call, and none without', async (context) => {
  const { certificates, dial, tokens } = await setting(context);
  await dial({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 'a.b-c.d_e' });
  assert.deepEqual(tokens, ['a.b-c.d_e']);
});

test('a counter knows how much has come on a connection', async (context) => {
  const { certificates, dial, arrived } = await setting(context);
  const ask = await dial({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 't' });
  await ask();
  const [first = 0, second = 0] = arrived;
  assert.ok(first > 0 && second > first, `${first}, then ${second}`);
});

test('a counter that is renewed shows its new certificate to the next caller, and the calls that are open go on', async (context) => {
  const { certificates, server, shown, dial } = await setting(context);
  const of = () => ({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 't' });
  const before = of();
  const first = await dial(before);
  await certificates.addAuthority();
  certificates.dropFormerAuthorities();
  await certificates.certify();
  server.renew(shown());
  await assert.rejects(dial(before), /certificate/);
  const second = await dial(of());
  assert.deepEqual([await first(), await second()], ['heartbeat', 'heartbeat']);
});

test('an unsound certificate is refused, and the one before stays', async (context) => {
  const { certificates, server, shown, dial } = await setting(context);
  const { certificate, key } = shown();
  await certificates.certify();
  assert.throws(() => server.renew({ certificate, key: shown().key }));
  assert.throws(() => server.renew({ certificate: Buffer.from('torn'), key }));
  await dial({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 't' });
});

test('in plaintext there is no token, and a counter with a certificate hears nobody', async (context) => {
  const { dial, tokens } = await setting(context);
  await assert.rejects(dial());
  assert.deepEqual(tokens, []);
});

test('nobody is trusted when those who are to be trusted are nobody', async (context) => {
  const { dial } = await setting(context);
  for (const text of ['', 'nobody'])
    await assert.rejects(dial({ authorities: Buffer.from(text), serverName: SERVER_NAME, token: 't' }), /certificate|PEM/i);
});

test('a token that cannot be in a header is not sent, and not repeated', async (context) => {
  const { certificates, dial } = await setting(context);
  await assert.rejects(
    async () => dial({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 'two\nlines' }),
    { message: "The agent's token is not one that can be sent." },
  );
});
