/** Films of one call, over real gRPC, with a counter and a camera that the test plays. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pause } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { dialCounting } from '#proto/wire/client.ts';
import type { CounterCall } from '#proto/wire/protocol.ts';
import { DirectedCamera, file } from '../fixtures/camera.ts';
import { type Behaviour, closed, counter, finish, type Heard, listen } from '../fixtures/counter.ts';
import { swallowing } from '../fixtures/swallowing.ts';
import type { Camera, CameraItem } from '../camera/camera.ts';
import { CameraFault } from '../camera/faults.ts';
import { Checkpoints } from '../ring/checkpoints.ts';
import { FileRecording } from '../ring/file.ts';
import { LiveRecording } from '../ring/live.ts';
import { thisMachine } from '../ring/machine.ts';
import type { Recording } from '../ring/recording.ts';
import { retainIn } from '../ring/retained.ts';
import { CameraReport } from './camera-report.ts';
import { exchange, type Exchange, type Outcome } from './exchange.ts';

const never = new AbortController().signal;

/** One agent in one call. */
interface Scene {
  readonly camera: DirectedCamera;
  readonly checkpoints: Checkpoints;
  readonly leave: () => void;
  readonly outcome: Promise<Outcome>;
}

function enter(address: string, change: Partial<Exchange> = {}, clock = { micros: 0 }): Scene {
  const leaving = new AbortController();
  const camera = new DirectedCamera();
  const report = new CameraReport();
  const checkpoints = new Checkpoints();
  const live = new LiveRecording({
    camera,
    limits: { seconds: 60, bytes: 1e9 },
    elapsedMicros: () => clock.micros,
    onState: (state) => report.update(state),
    giveUp: () => false,
    wait: () => Promise.resolve(),
    random: () => 0,
  });
  const recording: Recording = change.recording ?? live;
  const running = recording.run(leaving.signal);
  const outcome = exchange(dialCounting(address, never), {
    stream: { namespace: 'default', name: 'door', uid: 'u' },
    session: 's',
    lastTerm: 0,
    firstNumber: 1,
    sessionStartMicros: 0,
    recording,
    checkpoints,
    camera: recording === live ? report : undefined,
    leaving: leaving.signal,
    onWelcome: () => undefined,
    onSuspect: () => undefined,
    onSent: () => undefined,
    onGap: () => undefined,
    onCounts: () => undefined,
    ...change,
  });
  const leave = () => leaving.abort(new Error('stopped by SIGTERM'));
  const whole = async () => {
    try {
      return await outcome;
    } finally {
      leave();
      await running;
    }
  };
  return { camera, checkpoints, leave, outcome: whole() };
}

/** Eight megabytes of a file. */
function large(): FileRecording {
  const camera: Camera = {
    async *read(): AsyncGenerator<CameraItem> {
      for await (const item of file.read(never))
        yield item.kind === 'unit' ? { ...item, unit: { ...item.unit, data: new Uint8Array(200_000) } } : item;
    },
  };
  return new FileRecording({ camera, pace: () => Promise.resolve(), onUnit: () => undefined });
}

const lost = new CameraFault('CameraLost', 'The camera hung up.');
const unreachable = new CameraFault('CameraUnreachable', 'The camera cannot be reached.');
const kinds = ({ kinds: all }: Heard) => all.filter((kind) => kind !== 'heartbeat');
const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

suite('how the camera does', { timeout: 20_000 }, () => {
  test('is told before there is a Resume, for as long as it does not connect, and the call lasts', async (context) => {
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
    const scene = enter(address);
    assert.equal((await scene.outcome).kind, 'goAway');
    assert.deepEqual(calls[0]!.cameras, [
      { connected: false, reason: '', sentence: '' },
      { connected: false, reason: 'CameraUnreachable', sentence: 'The camera cannot be reached.' },
      { connected: true, reason: '', sentence: '' },
    ]);
    assert.deepEqual(kinds(calls[0]!).slice(0, 3), ['hello', 'camera', 'camera']);
    assert.ok(calls[0]!.kinds.includes('resume'));
  });

  test('is told when it hangs up in the middle, and when it is back', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ cameras }) => cameras.at(-1)?.connected === true);
      scene.camera.fail(lost);
      await listen(call, heard, ({ cameras }) => cameras.at(-1)?.reason === 'CameraLost');
      scene.camera.play(1);
      await listen(call, heard, ({ cameras }) => cameras.at(-1)?.connected === true);
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    const scene = enter(address);
    scene.camera.play(2);
    await scene.outcome;
    assert.deepEqual(
      calls[0]!.cameras.slice(-3).map(({ connected }) => connected),
      [true, false, true],
    );
  });

  test('is not told of a file', async (context) => {
    const { address, calls } = await counter(context, finish);
    const recording = new FileRecording({ camera: file, pace: () => Promise.resolve(), onUnit: () => undefined });
    assert.deepEqual(await enter(address, { recording }).outcome, { kind: 'finished', paused: false });
    assert.deepEqual(kinds(calls[0]!), ['hello', 'resume', 'endOfStream']);
    assert.equal(calls[0]!.takenMicros, 0, 'nor how far it was taken');
  });
});

test("a counter is told how far the camera's video was taken when it welcomed the agent", { timeout: 20_000 }, async (context) => {
  const { address, calls } = await counter(context, async (call, heard) => {
    // The camera is away: time passes all the same, but what is taken after the Welcome is another matter.
    await listen(call, heard, ({ cameras }) => cameras.length === 1);
    clock.micros = 9e6;
    scene.camera.play(1);
    await listen(call, heard, ({ numbers }) => numbers.length === 1);
    await call.send({ goAway: { sentence: 'Enough.' } });
    await closed(call);
  });
  const clock = { micros: 7e6 };
  const scene = enter(address, {}, clock);
  await scene.outcome;
  assert.equal(calls[0]!.takenMicros, 7e6);
});

suite('an agent that leaves', { timeout: 20_000 }, () => {
  test('closes its camera, sends what it has, and stays until all of it is settled', async (context) => {
    let open: boolean | undefined;
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 5, { accessUnits: 5 });
      scene.leave();
      // The credit comes only now: what the ring holds still goes.
      await call.send({ credit: { accessUnits: 100, bytes: 1e9 } });
      await listen(call, heard, ({ end }) => end !== undefined);
      open = scene.camera.open;
      await call.send({ storeCheckpoint: { serial: 1, position: 15, presentationMicros: 1_400_000, checkpoint: Buffer.from('all') } });
      await listen(call, heard, (all) => all.kinds.includes('checkpointStored'));
      await call.send({ finished: {} });
      await closed(call);
    });
    const scene = enter(address);
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
    const scene = enter(address, { recording });
    assert.deepEqual(await scene.outcome, { kind: 'finished', paused: true });
    assert.deepEqual(calls[0]!.numbers, upTo(7));
    assert.deepEqual(calls[0]!.end, { lastNumber: 7, paused: true });
  });

  test('gives a counter that does not settle a limited time', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 3);
      scene.leave();
      await listen(call, heard, () => false);
    });
    const scene = enter(address, { leaveSeconds: 0.3 });
    scene.camera.play(3);
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: 'the counter had not settled everything after 0.3 s' });
    assert.deepEqual(calls[0]!.end, { lastNumber: 3, paused: true });
  });

  const partings: { name: string; part: Behaviour; outcome: Outcome }[] = [
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
      const scene = enter(address, { leaveSeconds: 600 });
      scene.camera.play(3);
      assert.deepEqual(await scene.outcome, outcome);
    });
  }

  test('without ever having had a picture just goes: there is nothing to settle', async (context) => {
    const { address, calls } = await counter(context, async (call, heard) => {
      await listen(call, heard, ({ cameras }) => cameras.length === 1);
      scene.leave();
      await listen(call, heard, () => false);
    });
    const scene = enter(address, { leaveSeconds: 600 });
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: 'there was nothing to settle' });
    assert.deepEqual(kinds(calls[0]!), ['hello', 'camera']);
  });

  test('before it was welcomed just goes', async (context) => {
    const { address } = await counter(context, async (call) => {
      for await (const message of call.messages) if (message.kind === 'hello') scene.leave();
    });
    const scene = enter(address, { leaveSeconds: 600, greetingSeconds: 600 });
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: 'the agent leaves' });
  });
});

suite('a greeting', { timeout: 20_000 }, () => {
  const lateBy = async (seconds: number, call: CounterCall, heartbeats: boolean) => {
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until && !call.signal.aborted) {
      if (heartbeats) await call.send({ heartbeat: {} });
      await pause(0.02, call.signal);
    }
  };

  test('that does not come is not waited for longer than its time', async (context) => {
    const address = await swallowing(context);
    const sentence = `No counter answers at ${address}: there is no greeting after 0.2 s.`;
    assert.deepEqual(await enter(address, { greetingSeconds: 0.2 }).outcome, { kind: 'cut', sentence });
  });

  test('that takes its time is waited for while heartbeats come', async (context) => {
    const { address } = await counter(context, async (call, heard) => {
      await lateBy(1.5, call, true);
      await listen(call, heard, ({ kinds: said }) => said.includes('camera'));
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    assert.deepEqual(await enter(address, { greetingSeconds: 1 }).outcome, { kind: 'goAway', sentence: 'Enough.' });
  });

  test('cannot come from where nobody is, and the sentence says where and why', async () => {
    const { sentence } = (await enter('127.0.0.1:1').outcome) as { sentence: string };
    assert.match(sentence, /^No counter answers at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  });
});

suite('a counter in service that says nothing', { timeout: 20_000 }, () => {
  const serving = (call: CounterCall, heard: Heard) => listen(call, heard, ({ kinds: said }) => said.includes('camera'));

  test('is suspect after a while, and not any more when it speaks again', async (context) => {
    const suspicions: boolean[] = [];
    const changed = new ConditionVariable();
    const { address } = await counter(context, async (call, heard) => {
      await serving(call, heard);
      while (suspicions.length === 0) await changed.wait(call.signal);
      await call.send({ heartbeat: {} });
      while (suspicions.length === 1) await changed.wait(call.signal);
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    const onSuspect = (suspect: boolean) => {
      suspicions.push(suspect);
      changed.notify();
    };
    assert.equal((await enter(address, { suspectSeconds: 0.2, onSuspect }).outcome).kind, 'goAway');
    assert.deepEqual(suspicions.slice(0, 2), [true, false]);
  });

  test('is left after a longer while', async (context) => {
    const { address } = await counter(context, async (call, heard) => {
      await serving(call, heard);
      await closed(call);
    });
    const suspicions: boolean[] = [];
    const scene = enter(address, { suspectSeconds: 0.2, silenceSeconds: 0.5, onSuspect: (suspect) => suspicions.push(suspect) });
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: 'the counter said nothing for 0.5 s' });
    assert.deepEqual(suspicions, [true]);
  });

  test('is not one that is heard while what the agent has to say is stuck behind its video', async (context) => {
    const { address } = await counter(context, async (call, heard) => {
      call.accept();
      await listen(call, heard, ({ numbers }) => numbers.length === 1);
      // From here on it takes nothing, of eight megabytes that are on their way.
      for (let i = 0; i < 35; i += 1) {
        await pause(0.1, call.signal);
        if (i === 5)
          await call.send({ storeCheckpoint: { serial: 1, position: 1, presentationMicros: 0, checkpoint: Buffer.from('state') } });
        await call.send({ heartbeat: {} });
      }
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    assert.deepEqual(await enter(address, { recording: large(), silenceSeconds: 2 }).outcome, { kind: 'goAway', sentence: 'Enough.' });
  });
});

suite('a call that the counter ends in good order', { timeout: 20_000 }, () => {
  const ends = async (call: CounterCall, heard: Heard) => {
    call.accept();
    await listen(call, heard, ({ numbers }) => numbers.length === 1);
    await pause(0.3, call.signal);
  };

  test('is over for an agent that waits until there is room for more', async (context) => {
    const { address } = await counter(context, ends);
    assert.deepEqual(await enter(address, { recording: large() }).outcome, { kind: 'cut', sentence: 'the counter ended the call' });
  });

  test('is over for its connection, too', async (context) => {
    const { address } = await counter(context, ends);
    const call = dialCounting(address, never);
    await call.send({
      hello: { stream: { namespace: 'default', name: 'door', uid: 'u' }, session: 's', lastTerm: 0, sessionStartMicros: 0 },
    });
    await call.send({ accessUnit: { number: 1, presentationMicros: 0, keyframe: true, data: Buffer.alloc(1) } });
    for await (const message of call.messages) assert.ok(['welcome', 'credit'].includes(message.kind));
    assert.equal(call.signal.aborted, true);
    await assert.rejects(call.send({ heartbeat: {} }), /The call is over/);
  });
});

suite('a checkpoint', { timeout: 20_000 }, () => {
  const offer =
    (bytes: number): Behaviour =>
    async (call, heard) => {
      await listen(call, heard, ({ numbers }) => numbers.length === 3);
      await call.send({ storeCheckpoint: { serial: 1, position: 3, presentationMicros: 200_000, checkpoint: Buffer.alloc(bytes) } });
      await listen(call, heard, (all) => all.kinds.includes('checkpointStored'));
    };

  test('is in its file when the counter is told that it is stored', async (context) => {
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
    const scene = enter(address, { checkpoints: retained.checkpoints });
    scene.camera.play(3);
    assert.equal((await scene.outcome).kind, 'goAway');
    assert.equal(found, 70_000);
    retained.close();
  });

  test('that is too large is not kept, and the call ends with a sentence', async (context) => {
    const { address, calls } = await counter(context, offer(2_000_000));
    const scene = enter(address);
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
    const scene = enter(address, {
      onWelcome: () => {
        throw new Error("The ring's folder cannot take session (EIO).");
      },
    });
    scene.camera.play(3);
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: "The ring's folder cannot take session (EIO)." });
    assert.deepEqual([kinds(calls[0]!), calls[0]!.numbers], [['hello'], []]);
  },
);
