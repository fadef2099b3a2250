/** The counter's process, when something goes wrong in it that nobody foresaw. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readClip } from './fixtures/clip.ts';
import { PlayedAgent } from './fixtures/played-agent.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const models = fileURLToPath(new URL('../../models', import.meta.url));
const manifest = `apiVersion: footfall.dev/v1alpha1
kind: CameraStream
metadata: {name: door, namespace: default}
spec:
  source: {url: rtsp://10.0.0.8/stream2}
  lines: [{name: entrance, from: {x: 570, y: 1000}, to: {x: 320, y: 580}}]
`;
const faults: readonly [string, string][] = [
  ['an error in a timer', `() => { throw new Error('unforeseen') }`],
  ['a rejection that nobody handles', `() => void Promise.reject(new Error('unforeseen'))`],
];

for (const [what, fault] of faults) {
  test(`after ${what} the counter settles its streams, sends them away, and ends with code 1`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'footfall-main-'));
    await writeFile(join(folder, 'door.yaml'), manifest);
    const config = {
      listen: '127.0.0.1:0',
      http: { host: '127.0.0.1', port: 0 },
      local: { manifests: [join(folder, 'door.yaml')], ledgerDirectory: join(folder, 'ledger') },
      modelsDirectory: models,
      inference: { workers: 1 },
      logLevel: 'silent',
    };
    const script = `data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', ${fault})`)}`;
    const counter = fork(main, { execArgv: ['--import', script], env: { ...process.env, FOOTFALL_COUNTER: JSON.stringify(config) } });
    try {
      const [{ counter: port }] = (await once(counter, 'message')) as [{ counter: number }];
      const agent = new PlayedAgent(port, { namespace: 'default', name: 'door', uid: 'uid-door' });
      const clip = await readClip();
      agent.resume(clip);
      await agent.send(clip, 30);
      const exit = once(counter, 'exit');
      counter.kill('SIGUSR2');
      await agent.until(({ goAway }) => goAway !== undefined);
      assert.ok(agent.heard.checkpoint, 'and stored where the next one goes on');
      agent.hangUp();
      assert.deepEqual(await exit, [1, null]);
    } finally {
      counter.kill('SIGKILL');
      await rm(folder, { recursive: true });
    }
  });
}
