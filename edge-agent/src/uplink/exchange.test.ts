/** One call, over real gRPC, with a counter and a camera that the test plays: what each side learns of the other. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { CameraFault } from '../camera/faults.ts';
import { kinds, startCall } from '../fixtures/call.ts';
import { file } from '../fixtures/camera.ts';
import { type Behaviour, closed, counter, finish, listen } from '../fixtures/counter.ts';
import { FileRecording } from '../ring/file.ts';
import { thisMachine } from '../ring/machine.ts';
import { retainIn } from '../ring/retained.ts';

const lost = new CameraFault('CameraLost', 'The camera hung up.');
const unreachable = new CameraFault('CameraUnreachable', 'The camera cannot be reached.');
suite('the condition of the camera', { timeout: 20_000 }, () => {
  test('is reported before there is a Resume, as long as the camera does not connect, and the call lasts', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ cameras }) => cameras.length === 1);
      scene.camera.fail(unreachable);
      await listen(call, heard, ({ cameras }) => cameras.length === 2);
      await listen(call, heard, (all) => all.kinds.filter((kind) => kind === 'heartbeat').length === 2);
      scene.camera.play(3);
      await listen(call, heard, ({ cameras, numbers }) => cameras.length === 3 && numbers.length === 3);
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    const scene = startCall(address);
    assert.equal((await scene.outcome).kind, 'goAway');
    assert.deepEqual(calls[0]!.cameras, [
      { connected: false, reason: '', sentence: '' },
      { connected: false, reason: 'CameraUnreachable', sentence: 'The camera cannot be reached.' },
      { connected: true, reason: '', sentence: '' },
    ]);
    assert.deepEqual(kinds(calls[0]!).slice(0, 3), ['hello', 'camera', 'camera']);
    assert.ok(calls[0]!.kinds.includes('resume'));
  });

  test('is reported when the camera hangs up in the middle, and when it is back', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ cameras }) => cameras.at(-1)?.connected === true);
      scene.camera.fail(lost);
      await listen(call, heard, ({ cameras }) => cameras.at(-1)?.reason === 'CameraLost');
      scene.camera.play(1);
      await listen(call, heard, ({ cameras }) => cameras.at(-1)?.connected === true);
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    const scene = startCall(address);
    scene.camera.play(2);
    await scene.outcome;
    assert.deepEqual(
      calls[0]!.cameras.slice(-3).map(({ connected }) => connected),
      [true, false, true],
    );
  });

  test('is not reported for a file', async (context) => {
    const { address, calls } = await counter(context, finish);
    const recording = new FileRecording({ camera: file, pace: () => Promise.resolve(), onUnit: () => undefined });
    assert.deepEqual(await startCall(address, { recording }).outcome, { kind: 'finished', paused: false });
    assert.deepEqual(kinds(calls[0]!), ['hello', 'resume', 'endOfStream']);
    assert.equal(calls[0]!.takenMicros, 0, 'nor is how far it was read');
  });
});

test("the counter learns how far the camera's video was read when it welcomed the agent", { timeout: 20_000 }, async (context) => {
  const { address, calls } = await counter(context, async (call, heard) => {
    // The camera is away: time passes, but the video that comes after the Welcome is not meant.
    await listen(call, heard, ({ cameras }) => cameras.length === 1);
    clock.micros = 9e6;
    scene.camera.play(1);
    await listen(call, heard, ({ numbers }) => numbers.length === 1);
    await call.send({ goAway: { sentence: 'Enough.' } });
    await closed(call);
  });
  const clock = { micros: 7e6 };
  const scene = startCall(address, {}, clock);
  await scene.outcome;
  assert.equal(calls[0]!.takenMicros, 7e6);
});

suite('a checkpoint', { timeout: 20_000 }, () => {
  const offer =
    (bytes: number): Behaviour =>
    async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 3);
      await call.send({ storeCheckpoint: { serial: 1, position: 3, presentationMicros: 200_000, checkpoint: Buffer.alloc(bytes) } });
      await listen(call, heard, (all) => all.kinds.includes('checkpointStored'));
    };

  test('is in its file when the agent confirms that it is stored', async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'footfall-exchange-'));
    context.after(() => rmSync(directory, { recursive: true }));
    const open = () => retainIn(directory, { ...thisMachine(), newId: () => 'id' });
    const retained = open();
    let found: number | undefined;
    const { address } = await counter(context, async (call, heard) => {
      await offer(70_000)(call, heard);
      const next = open();
      found = next.checkpoints.newestFrom(3)?.state.length;
      next.close();
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    const scene = startCall(address, { checkpoints: retained.checkpoints });
    scene.camera.play(3);
    assert.equal((await scene.outcome).kind, 'goAway');
    assert.equal(found, 70_000);
    retained.close();
  });

  test('that is too large is not kept, and the call ends with a sentence', async (context) => {
    const { address, calls } = await counter(context, offer(2_000_000));
    const scene = startCall(address);
    scene.camera.play(3);
    const sentence = "The counter's checkpoint has 2000000 bytes, and the agent keeps none of more than 1048576.";
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence });
    assert.ok(!calls[0]!.kinds.includes('checkpointStored'));
    assert.equal(scene.checkpoints.newestFrom(0), undefined);
  });
});

test(
  'a term that cannot be kept for the next process ends the call, before anything is sent under it',
  { timeout: 10_000 },
  async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, () => false);
    });
    const scene = startCall(address, {
      onWelcome: () => {
        throw new Error("The ring's folder cannot take session (EIO).");
      },
    });
    scene.camera.play(3);
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: "The ring's folder cannot take session (EIO)." });
    assert.deepEqual([kinds(calls[0]!), calls[0]!.numbers], [['hello'], []]);
  },
);
