/** A camera's source as the agent runs it, against a real RTSP server: what heals by itself. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { RtspServer, withoutRtspServer } from '../../hack/machine/rtsp-server.ts';
import { readAgentConfig } from './config.ts';
import { Site } from './site/site.ts';
import { thisMachine } from './ring/machine.ts';
import { openSource, retain } from './source.ts';

const CLIP = new URL('../../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;
const USER = 'admin';
const PASSWORD = "p@ssw/rd%!'é";

test(
  'a Secret that is absent, then lacks a key, then holds a wrong password, then the right one: told each time, and healed without a restart',
  { skip: withoutRtspServer(), timeout: 120_000 },
  async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'footfall-source-'));
    const server = await RtspServer.start({ username: USER, password: PASSWORD });
    context.after(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });
    await server.publish(CLIP);
    const secret = join(folder, 'secret');
    const stream = { namespace: 'default', name: 'door', uid: 'u' };
    const config = readAgentConfig({
      FOOTFALL_AGENT: JSON.stringify({
        stream,
        source: { url: server.url(), credentialsDirectory: secret },
        buffer: { seconds: 10, megabytes: 10 },
        counters: ['127.0.0.1:7443'],
        site: { host: '127.0.0.1', port: 0 },
      }),
    });
    const source = openSource(
      config,
      retain(config, { ...thisMachine(), newId: () => 'id' }),
      new Site(stream, createMetrics(), () => 0),
      createLog('edge-agent', 'silent'),
    );
    const key = (name: string, value: string) => writeFileSync(join(secret, name), value);
    /** What is done about each condition, in their order. */
    const mended: { condition: RegExp; mend: () => void }[] = [
      { condition: /^false $/, mend: () => undefined },
      {
        condition: /^false CredentialsMissing .* has no key username /,
        mend: () => {
          mkdirSync(secret);
          key('username', USER);
        },
      },
      { condition: /^false CredentialsMissing .* has no key password /, mend: () => key('password', 'wrong/word') },
      { condition: /^false CameraUnauthorized /, mend: () => key('password', `${PASSWORD}\n`) },
      { condition: /^true $/, mend: () => undefined },
    ];
    const stop = new AbortController();
    const running = source.recording.run(stop.signal);
    try {
      for await (const { connected, reason, sentence } of source.report!.follow(context.signal)) {
        const { condition, mend } = mended.shift()!;
        assert.match([connected, `${reason} ${sentence}`.trim()].join(' '), condition);
        assert.doesNotMatch(sentence, /wrong|p%40|p@ss/);
        mend();
        if (mended.length === 0) break;
      }
    } finally {
      stop.abort();
      await running;
    }
  },
);
