/**
 * A counter in a cluster, between an agent and the API server: real gRPC, a real API server, real ffmpeg, the shipped
 * model. The agent is played by the test, and so is the user who edits the resource.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type KubernetesObject, resources } from '#crds/cluster/api.ts';
import type { CameraStreamStatus } from '#crds/schema.ts';
import { createLog } from '#proto/process/log.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { serveCounting } from '#proto/wire/server.ts';
import { ControlPlane, withoutControlPlane } from '../../hack/machine/control-plane.ts';
import { until } from '../../hack/machine/until.ts';
import { Slots } from './call/admission.ts';
import { Cluster } from './cluster.ts';
import { DetectorPool } from './detection/detector-pool.ts';
import { type Clip, entrance, readClip } from './fixtures/clip.ts';
import { PlayedAgent } from './fixtures/played-agent.ts';
import { streamMetrics } from './metrics.ts';
import { type CounterService, serveStream } from './stream.ts';

const { cameraStreams } = resources;
const log = createLog('counter-service', 'silent');
const unauthorized = 'The camera at 10.0.0.8 refuses the user and password.';

interface Resource extends KubernetesObject {
  readonly spec?: object;
  readonly status?: CameraStreamStatus;
}

suite('a counter in a cluster', { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  let clip: Clip;
  let detectors: DetectorPool;
  before(async () => {
    const modelsDirectory = fileURLToPath(new URL('../../models', import.meta.url));
    detectors = new DetectorPool({ provider: 'cpu', workers: 1, maxBatch: 1, modelsDirectory, metrics: createMetrics(), log });
    [clip] = await Promise.all([readClip(), detectors.of('rtmdet-nano-person')]);
    // Alone: one that starts while something else fails would not be stopped.
    plane = await ControlPlane.start();
  });
  after(() => Promise.all([plane?.stop(), detectors.stop()]));

  /** A counter of its own, and a stream that it is to count. */
  async function setting(spec: object = {}) {
    const namespace = await plane.makeNamespace();
    const ref = { namespace, name: 'door' };
    const declare = async () => {
      const whole = { source: { url: 'rtsp://10.0.0.8/stream2' }, lines: [entrance], ...spec };
      const object = { apiVersion: cameraStreams.apiVersion, kind: cameraStreams.kind, metadata: ref, spec: whole } as KubernetesObject;
      return (await plane.api.create<Resource>(cameraStreams, object)).metadata!.uid!;
    };
    const stream = { ...ref, uid: await declare() };
    const drain = new AbortController();
    const metrics = createMetrics();
    const ofStreams = streamMetrics(metrics);
    const cluster = new Cluster(plane.api, { counter: 'counter-1' }, ofStreams, log);
    const service: CounterService = {
      ledger: cluster.ledger,
      specs: cluster.specs,
      detector: (model) => detectors.of(model),
      receivers: [],
      slots: new Slots(2),
      draining: drain.signal,
      metrics: ofStreams,
      log,
    };
    const server = await serveCounting('127.0.0.1:0', (call) => serveStream(call, service));
    const look = async () => (await plane.api.get<Resource>(cameraStreams, ref)).status ?? {};
    return {
      stream,
      drain,
      look,
      declare,
      cluster,
      metrics,
      dial: (session?: string, lastTerm?: number) => new PlayedAgent(server.port, stream, { session, lastTerm }),
      edit: (change: object) => plane.api.merge<Resource>(cameraStreams, ref, { spec: change }),
      remove: () => plane.api.delete(cameraStreams, ref),
      shows: (holds: (status: CameraStreamStatus) => boolean) => until(async () => holds(await look()), 20),
      stop: async () => {
        await server.stop(100);
        await cluster.ledger.close();
      },
    };
  }
  type Setting = Awaited<ReturnType<typeof setting>>;

  function film(name: string, play: (setting: Setting, context: TestContext) => Promise<void>, spec?: object) {
    test(name, async (context) => {
      const set = await setting(spec);
      try {
        await play(set, context);
      } finally {
        await set.stop();
      }
    });
  }

  film('counts a stream, and its resource shows how many and how it is doing', async ({ dial, shows, look, metrics }) => {
    const agent = dial();
    agent.resume(clip);
    await agent.send(clip, 60);
    await shows(({ stream }) => stream?.state === 'Counting');
    assert.equal((await look()).stream?.counter, 'counter-1');
    await agent.send(clip, 150);
    agent.end();
    await agent.until(({ finished }) => finished);
    agent.hangUp();
    await shows(({ stream }) => stream?.state === 'Ended');
    const { counts, stream } = await look();
    assert.deepEqual([counts?.in, counts?.lines, counts?.term], [1, [{ name: 'entrance', in: 1, out: 0 }], 1]);
    assert.equal(stream?.observedGeneration, 1);
    await until(async () => !(await metrics.render()).includes('stream="'), 5);
  });

  film('waits with an agent whose camera is not reached, says why, and counts once it is', async ({ dial, shows, look }) => {
    const agent = dial();
    await agent.until(({ welcome }) => welcome !== undefined);
    agent.camera(false, 'CameraUnauthorized', unauthorized);
    await shows(({ stream }) => stream?.state === 'Interrupted');
    const { stream } = await look();
    assert.deepEqual([stream?.reason, stream?.message], ['CameraUnauthorized', unauthorized]);
    await agent.until(({ heartbeats }) => heartbeats >= 2);
    agent.camera(true);
    agent.resume(clip);
    await agent.send(clip, 20);
    await shows((status) => status.stream?.state === 'Counting' && status.stream.reason === undefined);
    agent.hangUp();
  });

  film('says that the camera fell silent, and that it is back with its next frame', async ({ dial, shows }) => {
    const agent = dial();
    agent.camera(true);
    agent.resume(clip);
    await agent.send(clip, 30);
    await shows(({ stream }) => stream?.state === 'Counting');
    agent.camera(false, 'CameraUnreachable', 'The camera at 10.0.0.8 does not answer.');
    await shows(({ stream }) => stream?.state === 'Interrupted' && stream.reason === 'CameraUnreachable');
    agent.camera(true);
    await agent.send(clip, 60);
    await shows(({ stream }) => stream?.state === 'Counting');
    agent.hangUp();
  });

  film('settles all that an agent sent before it leaves, and says that it left', async ({ dial, shows, look }) => {
    const agent = dial();
    agent.resume(clip);
    await agent.send(clip, 120);
    agent.end(true);
    await agent.until(({ finished }) => finished);
    agent.hangUp();
    await shows(({ stream }) => stream?.state === 'Disconnected' && stream.reason === 'AgentPaused');
    assert.equal((await look()).counts?.in, agent.heard.counts?.in);
  });

  film('lets an agent leave that never had video', async ({ dial, shows }) => {
    const agent = dial();
    await agent.until(({ welcome }) => welcome !== undefined);
    agent.end(true);
    await agent.until(({ finished }) => finished);
    agent.hangUp();
    await shows(({ stream }) => stream?.reason === 'AgentPaused');
  });

  film('says that an agent is gone, and goes on when it is back', async ({ dial, shows, look }) => {
    const agent = dial();
    agent.resume(clip);
    await agent.send(clip, 30);
    agent.hangUp();
    await shows(({ stream }) => stream?.state === 'Disconnected' && stream.reason === 'AgentGone');
    const again = dial('s1', 1);
    await again.until(({ welcome }) => welcome?.term === 2);
    await shows(({ stream }) => stream?.state === 'Starting');
    assert.equal((await look()).counts?.term, 2);
    again.hangUp();
  });

  film('takes up edited lines and zones on the running stream', async ({ dial, shows, edit, look }) => {
    const agent = dial();
    agent.resume(clip);
    await agent.send(clip, 120);
    await shows(({ counts }) => counts?.lines[0]?.in === 1);
    const editedAt = performance.now();
    await edit({
      lines: [
        { ...entrance, from: { x: 560, y: 990 } },
        { name: 'exit', from: { x: 100, y: 100 }, to: { x: 200, y: 200 } },
      ],
      zones: [
        {
          name: 'queue',
          polygon: [
            { x: 0, y: 0 },
            { x: 9, y: 0 },
            { x: 9, y: 9 },
          ],
        },
      ],
    });
    await shows(({ counts, stream }) => counts?.lines.length === 2 && stream?.observedGeneration === 2);
    const seconds = (performance.now() - editedAt) / 1000;
    assert.ok(seconds < 3, `it took ${seconds} s`);
    const { counts } = await look();
    assert.deepEqual(counts?.lines, [
      { name: 'entrance', in: 1, out: 0 },
      { name: 'exit', in: 0, out: 0 },
    ]);
    assert.deepEqual(counts?.zones, [{ name: 'queue', occupancy: 0 }]);
    await edit({ lines: [entrance] });
    await agent.send(clip, 140);
    await shows((status) => status.counts?.lines.length === 1 && status.stream?.observedGeneration === 3);
    assert.deepEqual([(await look()).counts?.in, agent.heard.welcome?.term, agent.heard.over], [1, 1, false], 'in the same call');
    agent.hangUp();
  });

  film('takes up another frame rate on the running stream, and loses nobody', async ({ dial, shows, edit, look }) => {
    const agent = dial();
    agent.resume(clip);
    await agent.send(clip, 50);
    await edit({ detection: { framesPerSecond: 5, scorePermille: 450 } });
    await shows(({ stream }) => stream?.observedGeneration === 2);
    await agent.send(clip, 150);
    agent.end();
    await agent.until(({ finished }) => finished);
    agent.hangUp();
    assert.deepEqual([agent.heard.counts?.in, agent.heard.counts?.frames, (await look()).counts?.gaps.count], [1, 150, 0]);
  });

  film('sends a stream away that is suspended, settled, and takes it when it is not any more', async ({ dial, shows, edit, look }) => {
    const agent = dial();
    agent.resume(clip);
    await agent.send(clip, 120);
    await edit({ suspend: true });
    await agent.until(({ goAway }) => goAway !== undefined);
    agent.hangUp();
    await shows(({ stream }) => stream?.state === 'Disconnected' && stream.reason === 'Suspended');
    assert.equal((await look()).counts?.in, 1);
    const refused = dial('s1', 1);
    await refused.until(({ refusal }) => refusal?.reason === 'SUSPENDED');
    await edit({ suspend: false });
    const again = dial('s1', 1);
    await again.until(({ welcome }) => welcome?.term === 2);
    again.hangUp();
  });

  film(
    'ends the call of a stream that was deleted, and writes nothing into the one made after it',
    async ({ dial, remove, declare, look, drain, stop }) => {
      const agent = dial();
      agent.resume(clip);
      await agent.send(clip, 30);
      await remove();
      await declare();
      await agent.until(({ refusal, over }) => over && refusal?.reason === 'UNKNOWN_STREAM');
      const stale = dial('s1', 1);
      await stale.until(({ refusal }) => refusal?.reason === 'UNKNOWN_STREAM');
      drain.abort();
      await stop();
      assert.deepEqual(await look(), {});
    },
  );

  film(
    'says why a stream is not counted whose model is not there, once',
    async ({ dial, look, shows, edit, metrics }) => {
      for (let tries = 0; tries < 3; tries += 1) {
        const agent = dial();
        await agent.until(({ refusal }) => refusal?.reason === 'MODEL_UNAVAILABLE');
        agent.hangUp();
      }
      const { stream, counts } = await look();
      assert.deepEqual([stream?.state, stream?.reason, counts], ['Refused', 'ModelUnavailable', undefined]);
      const page = await metrics.render();
      assert.match(page, /counter_ledger_writes_total\{result="written"\} 1\n/);
      assert.match(page, /counter_refusals_total\{reason="MODEL_UNAVAILABLE"\} 3\n/);
      await edit({ detection: { model: 'rtmdet-nano-person' } });
      const agent = dial();
      await agent.until(({ welcome }) => welcome?.term === 1);
      await shows((status) => status.stream?.state === 'Starting');
      await edit({ detection: { model: 'another' } });
      await agent.until(({ goAway }) => goAway !== undefined);
      agent.hangUp();
    },
    { detection: { model: 'not-there' } },
  );

  film('settles and says so before it drains', async ({ dial, drain, look, shows }) => {
    const agent = dial();
    agent.resume(clip);
    await agent.send(clip, 120);
    drain.abort();
    await agent.until(({ goAway }) => goAway !== undefined);
    agent.hangUp();
    await shows(({ stream }) => stream?.state === 'Disconnected' && stream.reason === 'Drained');
    assert.equal((await look()).counts?.in, 1);
  });

  film('drops a stream that another counter has taken over, and lets that one speak', async ({ dial, stream, look }, context) => {
    const agent = dial();
    agent.resume(clip);
    await agent.send(clip, 30);
    const other = new Cluster(plane.api, { counter: 'counter-2' }, streamMetrics(createMetrics()), log);
    context.after(() => other.ledger.close());
    const tenure = await other.ledger.claim(stream, await other.ledger.read(stream), 's1');
    agent.camera(false, 'CameraLost', 'The camera is silent.');
    await agent.until(({ refusal }) => refusal?.reason === 'FENCED');
    agent.hangUp();
    const status = await look();
    assert.deepEqual([status.stream?.counter, status.counts?.term, tenure.term], ['counter-2', 2, 2]);
  });
});
