/** A camera as the agent opens it, against a real RTSP server: which faults heal without a restart. */
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
  'a Secret that is absent, lacks a key, holds a wrong password, then the right one: each is reported, and heals without a restart',
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
    /** The expected conditions, and how each is fixed. */
    const steps: { condition: RegExp; fix: () => void }[] = [
      { condition: /^false $/, fix: () => undefined },
      {
        condition: /^false CredentialsMissing .* has no key username /,
        fix: () => {
          mkdirSync(secret);
          key('username', USER);
        },
      },
      { condition: /^false CredentialsMissing .* has no key password /, fix: () => key('password', 'wrong/word') },
      { condition: /^false CameraUnauthorized /, fix: () => key('password', `${PASSWORD}\n`) },
      { condition: /^true $/, fix: () => undefined },
    ];
    const stop = new AbortController();
    const running = source.recording.run(stop.signal);
    try {
      for await (const { connected, reason, sentence } of source.report!.follow(context.signal)) {
        const { condition, fix } = steps.shift()!;
        assert.match([connected, `${reason} ${sentence}`.trim()].join(' '), condition);
        assert.doesNotMatch(sentence, /wrong|p%40|p@ss/);
        fix();
        if (steps.length === 0) break;
      }
    } finally {
      stop.abort();
      await running;
    }
  },
);
