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

async function startServer(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'footfall-protocol-'));
  const certificates = await Certificates.make(folder);
  const readCertificate = () => ({
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
    { certificate: readCertificate() },
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
    readCertificate,
    tokens,
    arrived,
    dial: (credentials?: AgentCredentials) => openCall(server, over.signal, credentials),
  };
}

/** Opens a call and waits for the counter's answer. @returns a function that waits for another one. */
async function openCall({ port }: CountingServer, signal: AbortSignal, credentials?: AgentCredentials) {
  const call = dialCounting(`127.0.0.1:${port}`, signal, credentials);
  const answers = call.messages[Symbol.asyncIterator]();
  const ask = async () => {
    await call.send({ hello: { session: 's' } }).catch(() => undefined);
    return ((await answers.next()).value as { kind: string }).kind;
  };
  assert.equal(await ask(), 'heartbeat');
  return ask;
}

test('a counter receives the token of a call', async (context) => {
  const { certificates, dial, tokens } = await startServer(context);
  await dial({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 'a.b-c.d_e' });
  assert.deepEqual(tokens, ['a.b-c.d_e']);
});

test('a counter knows how many bytes it has received on a connection', async (context) => {
  const { certificates, dial, arrived } = await startServer(context);
  const ask = await dial({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 't' });
  await ask();
  const [first = 0, second = 0] = arrived;
  assert.ok(first > 0 && second > first, `${first}, then ${second}`);
});

test('a counter presents a renewed certificate to the next caller, and open calls continue', async (context) => {
  const { certificates, server, readCertificate, dial } = await startServer(context);
  const of = () => ({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 't' });
  const before = of();
  const first = await dial(before);
  await certificates.addAuthority();
  certificates.dropFormerAuthorities();
  await certificates.certify();
  server.renew(readCertificate());
  await assert.rejects(dial(before), /certificate/);
  const second = await dial(of());
  assert.deepEqual([await first(), await second()], ['heartbeat', 'heartbeat']);
});

test('a counter rejects an invalid certificate and keeps the previous one', async (context) => {
  const { certificates, server, readCertificate, dial } = await startServer(context);
  const { certificate, key } = readCertificate();
  await certificates.certify();
  assert.throws(() => server.renew({ certificate, key: readCertificate().key }));
  assert.throws(() => server.renew({ certificate: Buffer.from('torn'), key }));
  await dial({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 't' });
});

test('a counter with a certificate does not accept a plaintext call', async (context) => {
  const { dial, tokens } = await startServer(context);
  await assert.rejects(dial());
  assert.deepEqual(tokens, []);
});

test('an agent without a valid authority trusts no counter', async (context) => {
  const { dial } = await startServer(context);
  for (const text of ['', 'not a certificate'])
    await assert.rejects(dial({ authorities: Buffer.from(text), serverName: SERVER_NAME, token: 't' }), /certificate|PEM/i);
});

test('an agent does not send a token that a header cannot contain, and the error does not repeat it', async (context) => {
  const { certificates, dial } = await startServer(context);
  await assert.rejects(
    async () => dial({ authorities: readFileSync(certificates.authoritiesFile), serverName: SERVER_NAME, token: 'two\nlines' }),
    { message: "The agent's token is not one that can be sent." },
  );
});
