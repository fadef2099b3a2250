/** A live camera as the agent opens it, with what its owner should know of it. */
import assert from 'node:assert/strict';
import { before, suite, test, type TestContext } from 'node:test';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { type AccessUnit, encodeForCamera } from '../../hack/machine/annex-b.ts';
import { withoutFfmpeg } from '../../hack/machine/ffmpeg.ts';
import { type Habits, RtspCamera } from '../../hack/machine/rtsp-camera.ts';
import { readAgentConfig } from './config.ts';
import { CLIP } from './fixtures/rtsp.ts';
import { thisMachine } from './ring/machine.ts';
import { Site } from './site/site.ts';
import { openSource, retain, type Source } from './source.ts';

let clip: AccessUnit[];
before(async () => (clip = await encodeForCamera(CLIP, { seconds: 5, keyframeEvery: 10 })));

async function open(context: TestContext, habits: Habits): Promise<Source> {
  const camera = await RtspCamera.start(clip, habits);
  context.after(() => camera.stop());
  const stream = { namespace: 'default', name: 'door', uid: 'u' };
  const config = readAgentConfig({
    FOOTFALL_AGENT: JSON.stringify({
      stream,
      source: { url: camera.url() },
      buffer: { seconds: 60, megabytes: 10 },
      counters: ['127.0.0.1:7443'],
      site: { host: '127.0.0.1', port: 0 },
      exitWhenUnusable: true,
    }),
  });
  const machine = { ...thisMachine(), newId: () => 'id' };
  return openSource(config, retain(config, machine), new Site(stream, createMetrics(), () => 0), createLog('edge-agent', 'silent'));
}

suite('a camera', { skip: withoutFfmpeg('RTSP by way of the concat demuxer'), timeout: 60_000 }, () => {
  for (const [name, ticks] of Object.entries({ 'that counts milliseconds': 100, 'whose clock runs 10.5 times too fast': 94_500 })) {
    test(`${name}: connected, CameraClockWrong, and its times are those of arrival`, async (context) => {
      const source = await open(context, { ticks });
      const stop = new AbortController();
      const startedAt = performance.now();
      const running = source.recording.run(stop.signal);
      try {
        for await (const { connected, reason } of source.report!.follow(context.signal))
          if (connected && reason === 'CameraClockWrong') break;
        const times: number[] = [];
        const start = { from: 1, counted: { position: 0, presentationMicros: 0 }, reason: 'RING_FULL' } as const;
        for await (const entry of source.recording.read(start, context.signal)) {
          assert.notEqual(entry.kind, 'gap');
          if (entry.kind === 'unit' && times.push(entry.unit.presentationMicros / 1e6) === 70) break;
        }
        const passed = (performance.now() - startedAt) / 1000;
        assert.ok(Math.abs(times.at(-1)! - passed) < 1.5, `${times.at(-1)} of ${passed}`);
        assert.ok(Math.abs(times.at(-1)! - times[0]! - 6.9) < 0.7, times.join());
      } finally {
        stop.abort();
        await running;
      }
    });
  }

  test('that has refused until the run was stopped: its reason is how the run ends', async (context) => {
    const source = await open(context, { refuses: { method: 'PLAY', status: '453 Not Enough Bandwidth' } });
    const stop = new AbortController();
    const running = source.recording.run(stop.signal);
    for await (const { reason } of source.report!.follow(context.signal)) if (reason === 'CameraRefused') break;
    stop.abort();
    await running;
    assert.match(source.verdict()?.sentence ?? '', /refuses \(453 Not Enough Bandwidth\)/);
  });
});
