/** How an agent leaves its counter, over real gRPC: everything that it sent is settled, within a limited time. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { pause } from '#proto/process/backoff.ts';
import { kinds, startCall, upTo } from '../fixtures/call.ts';
import { file } from '../fixtures/camera.ts';
import { type Behaviour, closed, counter, listen } from '../fixtures/counter.ts';
import { FileRecording } from '../ring/file.ts';
import type { CallOutcome } from './exchange.ts';

suite('an agent that leaves', { timeout: 20_000 }, () => {
  test('closes its camera, sends what it has, and stays until all of it is settled', async (context) => {
    let open: boolean | undefined;
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 5, { accessUnits: 5 });
      scene.leave();
      // The credit comes only now: the agent still sends what the ring holds.
      await call.send({ credit: { accessUnits: 100, bytes: 1e9 } });
      await listen(call, heard, ({ end }) => end !== undefined);
      open = scene.camera.open;
      await call.send({ storeCheckpoint: { serial: 1, position: 15, presentationMicros: 1_400_000, checkpoint: Buffer.from('all') } });
      await listen(call, heard, (all) => all.kinds.includes('checkpointStored'));
      await call.send({ finished: {} });
      await closed(call);
    });
    const scene = startCall(address);
    scene.camera.play(15);
    assert.deepEqual(await scene.outcome, { kind: 'finished', paused: true });
    assert.deepEqual(calls[0]!.numbers, upTo(15));
    assert.deepEqual(calls[0]!.end, { lastNumber: 15, paused: true });
    assert.equal(open, false, 'the camera was left before the stream was ended');
    assert.equal(scene.checkpoints.newestFrom(15)?.state.toString(), 'all');
  });

  test('in the middle of a file ends at the access unit that it sent last', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 7);
      scene.leave();
      await listen(call, heard, ({ end }) => end !== undefined);
      await call.send({ finished: {} });
      await closed(call);
    });
    const recording = new FileRecording({
      camera: file,
      // The eighth picture's time does not come.
      pace: (presentationMicros, signal) => (presentationMicros < 700_000 ? Promise.resolve() : pause(60, signal)),
      onUnit: () => undefined,
    });
    const scene = startCall(address, { recording });
    assert.deepEqual(await scene.outcome, { kind: 'finished', paused: true });
    assert.deepEqual(calls[0]!.numbers, upTo(7));
    assert.deepEqual(calls[0]!.end, { lastNumber: 7, paused: true });
  });

  test('waits only a limited time for a counter that does not settle', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 3);
      scene.leave();
      await listen(call, heard, () => false);
    });
    const scene = startCall(address, { leaveSeconds: 0.3 });
    scene.camera.play(3);
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: 'the counter had not settled everything after 0.3 s' });
    assert.deepEqual(calls[0]!.end, { lastNumber: 3, paused: true });
  });

  const partings: { name: string; part: Behaviour; outcome: CallOutcome }[] = [
    {
      name: 'that dies meanwhile',
      part: () => Promise.reject(new Error('This counter dies.')),
      outcome: { kind: 'cut', sentence: 'This counter dies.' },
    },
    {
      name: 'that goes away meanwhile',
      part: async (call) => {
        await call.send({ goAway: { sentence: 'Shutting down.' } });
        await closed(call);
      },
      outcome: { kind: 'goAway', sentence: 'Shutting down.' },
    },
    {
      name: 'that refuses meanwhile',
      part: (call) => call.send({ refusal: { reason: 'FENCED', sentence: 'Overtaken.' } }),
      outcome: { kind: 'refused', reason: 'FENCED', sentence: 'Overtaken.' },
    },
  ];
  for (const { name, part, outcome } of partings) {
    test(`does not wait for a counter ${name}`, async (context) => {
      const { address } = await counter(context, async (call, heard) => {
        await listen(call, heard, ({ numbers }) => numbers.length === 3);
        scene.leave();
        await listen(call, heard, ({ end }) => end !== undefined);
        await part(call, heard);
      });
      const scene = startCall(address, { leaveSeconds: 600 });
      scene.camera.play(3);
      assert.deepEqual(await scene.outcome, outcome);
    });
  }

  test('that never had a picture ends the call at once: there is nothing to settle', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ cameras }) => cameras.length === 1);
      scene.leave();
      await listen(call, heard, () => false);
    });
    const scene = startCall(address, { leaveSeconds: 600 });
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: 'there was nothing to settle' });
    assert.deepEqual(kinds(calls[0]!), ['hello', 'camera']);
  });

  test('before it was welcomed ends the call at once', async (context) => {
    const { address } = await counter(context, async (call) => {
      for await (const message of call.messages) if (message.kind === 'hello') scene.leave();
    });
    const scene = startCall(address, { leaveSeconds: 600, greetingSeconds: 600 });
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: 'the agent leaves' });
  });
});
