/** An agent's process with a real camera that has a password, on a wire without TLS, on which everything can be read. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { ended, RtspServer, withoutRtspServer } from '../../hack/machine/rtsp-server.ts';
import { until } from '../../hack/machine/until.ts';
import { placesWithSecret } from '../../hack/e2e/canary.ts';
import { Link } from '../../hack/machine/link.ts';
import { closed, counter, listen } from './fixtures/counter.ts';

const CLIP = new URL('../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;
const USER = 'keeper-of-the-door';
const PASSWORD = "canary p@ss/w&rd%4711!'";
const WRONG = "canary wr@ng/w&rd%0815!'";

function start(context: TestContext, url: string, credentialsDirectory: string, address: string): { child: ChildProcess; log: Buffer[] } {
  const config = {
    stream: { namespace: 'default', name: 'canary-door', uid: 'u' },
    source: { url, credentialsDirectory },
    buffer: { seconds: 60, megabytes: 20 },
    counters: [address],
    site: { host: '127.0.0.1', port: 0 },
    logLevel: 'debug',
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, FOOTFALL_AGENT: JSON.stringify(config) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => ended(child));
  const log: Buffer[] = [];
  for (const output of [child.stdout, child.stderr]) output.on('data', (bytes: Buffer) => log.push(bytes));
  return { child, log };
}

test(
  'an agent sends and logs no password of its camera, neither the right one nor a wrong one',
  { skip: withoutRtspServer(), timeout: 90_000 },
  async (context) => {
    const camera = await RtspServer.start({ username: USER, password: PASSWORD });
    const credentials = mkdtempSync(join(tmpdir(), 'footfall-secrecy-'));
    context.after(async () => {
      await camera.stop();
      rmSync(credentials, { recursive: true });
    });
    await camera.publish(CLIP);
    writeFileSync(join(credentials, 'username'), USER);
    writeFileSync(join(credentials, 'password'), WRONG);

    const { address, calls } = await counter(context, async (call, heard) => {
      if (!(await listen(call, heard, ({ end }) => end !== undefined))) return;
      await call.send({ finished: {} });
      await closed(call);
    });
    const wire: Buffer[] = [];
    const link = await Link.to(Number(address.split(':')[1]), { onBytes: (bytes) => wire.push(bytes) });
    context.after(() => link.close());
    const agent = start(context, camera.url(), credentials, link.address);
    const refused = () => calls.flatMap(({ cameras }) => cameras).find(({ reason }) => reason === 'CameraUnauthorized');
    await until(() => refused() !== undefined);
    writeFileSync(join(credentials, 'password'), PASSWORD);
    await until(() => (calls.at(-1)?.numbers.length ?? 0) > 20, 60);
    agent.child.kill('SIGTERM');
    await once(agent.child, 'close');

    const places = [
      { name: 'wire', content: Buffer.concat(wire).toString('latin1') },
      { name: 'log', content: Buffer.concat(agent.log).toString('latin1') },
    ];
    const tell = (text: string) => placesWithSecret(text, places);
    assert.deepEqual([tell(PASSWORD), tell(WRONG)], [[], []]);
    // The search would have found them: it finds these.
    assert.deepEqual(
      [tell('canary-door'), tell(refused()!.sentence)],
      [
        ['wire', 'log'],
        ['wire', 'log'],
      ],
    );
  },
);
