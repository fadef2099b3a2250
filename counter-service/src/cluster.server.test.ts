/** The counter's process in a cluster: when it is ready, and how it ends. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ControlPlane, withoutControlPlane } from '../../hack/machine/control-plane.ts';
import { ended } from '../../hack/machine/rtsp-server.ts';
import { until } from '../../hack/machine/until.ts';
import { Certificates } from '../../hack/machine/certificates.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

suite('the process of a counter in a cluster', { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await ControlPlane.start();
  });
  after(() => plane.stop());

  test(
    'is ready once the API server has shown it its streams, also when that comes late, and ends in order',
    { timeout: 120_000 },
    async (context) => {
      await plane.killApiServer();
      const folder = await mkdtemp(join(tmpdir(), 'footfall-counter-'));
      context.after(() => rm(folder, { recursive: true }));
      const { ofCounter } = await Certificates.make(folder);
      const config = {
        listen: '127.0.0.1:0',
        tls: ofCounter,
        http: { host: '127.0.0.1', port: 0 },
        cluster: { counter: 'counter-1' },
        modelsDirectory: fileURLToPath(new URL('../../models', import.meta.url)),
        inference: {},
        logLevel: 'silent',
      };
      const counter = fork(main, { env: { ...process.env, KUBECONFIG: plane.kubeconfig, FOOTFALL_COUNTER: JSON.stringify(config) } });
      context.after(() => ended(counter));
      const [{ http }] = (await once(counter, 'message')) as [{ http: number }];
      const readiness = async () => {
        const response = await fetch(`http://127.0.0.1:${http}/readyz`);
        return { code: response.status, sentence: await response.text() };
      };
      await until(async () => (await readiness()).sentence.startsWith('The API server does not show this counter its streams: '));
      assert.equal((await readiness()).code, 503);
      await plane.restartApiServer();
      await until(async () => (await readiness()).code === 200, 40);
      counter.kill('SIGTERM');
      const [code] = (await once(counter, 'exit')) as [number];
      assert.equal(code, 0);
    },
  );
});
