/** The agent as Kubernetes meets it: a process, its configuration, signals, exit codes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { freePort } from '../../hack/machine/free-port.ts';
import { until } from '../../hack/machine/until.ts';
import { closed, counter, listen } from './fixtures/counter.ts';

const CLIP = new URL('../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;

/** An agent that plays a file in real time. */
function start(
  context: TestContext,
  counters: string[],
  sitePort = 0,
  more: object = {},
): { child: ChildProcess; exited: Promise<{ code: number | null; stderr: string }> } {
  const config = {
    stream: { namespace: 'default', name: 'door', uid: 'u' },
    source: { url: CLIP, realtime: true },
    buffer: { seconds: 10, megabytes: 10 },
    counters,
    site: { host: '127.0.0.1', port: sitePort },
    logLevel: 'silent',
    ...more,
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, FOOTFALL_AGENT: JSON.stringify(config) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  context.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return { child, exited: once(child, 'close').then(([code]) => ({ code: code as number | null, stderr })) };
}

/** Waits for the page at the site, and follows it until it shows this. */
async function untilShown(port: number, what: RegExp): Promise<void> {
  const open = () => fetch(`http://127.0.0.1:${port}/counts`, { headers: { accept: 'text/event-stream' } });
  await until(() =>
    open()
      .then((page) => page.body!.cancel())
      .then(
        () => true,
        () => false,
      ),
  );
  const page = await open();
  let text = '';
  for await (const part of page.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (what.test(text)) return;
  }
  assert.fail(`The page ended without ${what}: ${text}`);
}

suite('an agent', { timeout: 30_000 }, () => {
  test('that gets SIGTERM ends well, once everything that it sent is settled', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 5);
      agent.child.kill('SIGTERM');
      await listen(call, heard, ({ end }) => end !== undefined);
      await call.send({ finished: {} });
      await closed(call);
    });
    const agent = start(context, [address]);
    assert.deepEqual(await agent.exited, { code: 0, stderr: '' });
    assert.deepEqual(calls[0]!.end, { lastNumber: calls[0]!.numbers.at(-1), paused: true });
  });

  test('that gets SIGTERM twice ends at once, settled or not', async (context) => {
    const { address } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 5);
      agent.child.kill('SIGTERM');
      await listen(call, heard, ({ end }) => end !== undefined);
      agent.child.kill('SIGTERM');
      await closed(call);
    });
    const agent = start(context, [address]);
    const { code } = await agent.exited;
    assert.equal(code, 1);
  });

  test('whose counters cannot be looked up keeps trying, and ends on SIGTERM', async (context) => {
    const site = await freePort();
    const agent = start(context, ['no-such-host.invalid:7443'], site, {
      tls: { serverName: 'counter', authoritiesFile: 'ca.crt', tokenFile: 'token' },
    });
    await untilShown(site, /"sentence":"No counter answers at no-such-host\.invalid:7443: the name/);
    agent.child.kill('SIGTERM');
    assert.deepEqual(await agent.exited, { code: 0, stderr: '' });
  });

  test('speaks plaintext on loopback only: any other counter needs a certificate', async (context) => {
    const { code, stderr } = await start(context, ['127.0.0.1:7443', '10.0.0.7:7443']).exited;
    assert.deepEqual([code, stderr], [2, 'FOOTFALL_AGENT: counters: must all be on loopback, like 127.0.0.1:7443, unless there is tls.\n']);
  });

  test('with a counter that is not host:port ends with one sentence', async (context) => {
    const { code, stderr } = await start(context, ['pool.svc']).exited;
    assert.equal(code, 2);
    assert.match(stderr, /^FOOTFALL_AGENT: counters\.0: must be host:port, like \S+ or \S+, found pool\.svc\.\n$/);
  });
});
