/** Counters that do not greet, fall silent, or end the call, over real gRPC. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { pause } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import { dialCounting } from '#proto/wire/client.ts';
import type { CounterCall } from '#proto/wire/protocol.ts';
import { largeFile, never, startCall } from '../fixtures/call.ts';
import { closed, counter, type Heard, listen } from '../fixtures/counter.ts';
import { swallowing } from '../fixtures/swallowing.ts';

suite('a greeting', { timeout: 20_000 }, () => {
  const lateBy = async (seconds: number, call: CounterCall, heartbeats: boolean) => {
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until && !call.signal.aborted) {
      if (heartbeats) await call.send({ heartbeat: {} });
      await pause(0.02, call.signal);
    }
  };

  test('that does not come is awaited for a limited time', async (context) => {
    const address = await swallowing(context);
    const sentence = `No counter answers at ${address}: there is no greeting after 0.2 s.`;
    assert.deepEqual(await startCall(address, { greetingSeconds: 0.2 }).outcome, { kind: 'cut', sentence });
  });

  test('that is late is awaited while heartbeats come', async (context) => {
    const { address } = await counter(context, async (call, heard) => {
      await lateBy(1.5, call, true);
      await listen(call, heard, ({ kinds: said }) => said.includes('camera'));
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    assert.deepEqual(await startCall(address, { greetingSeconds: 1 }).outcome, { kind: 'goAway', sentence: 'Enough.' });
  });

  test('cannot come from an address without a counter, and the sentence says where and why', async () => {
    const { sentence } = (await startCall('127.0.0.1:1').outcome) as { sentence: string };
    assert.match(sentence, /^No counter answers at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  });
});

suite('a counter in service that is silent', { timeout: 20_000 }, () => {
  const serving = (call: CounterCall, heard: Heard) => listen(call, heard, ({ kinds: said }) => said.includes('camera'));

  test('is suspect after a while, and no longer when it speaks again', async (context) => {
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
    assert.equal((await startCall(address, { suspectSeconds: 0.2, onSuspect }).outcome).kind, 'goAway');
    assert.deepEqual(suspicions.slice(0, 2), [true, false]);
  });

  test('is left after a longer while', async (context) => {
    const { address } = await counter(context, async (call, heard) => {
      await serving(call, heard);
      await closed(call);
    });
    const suspicions: boolean[] = [];
    const scene = startCall(address, { suspectSeconds: 0.2, silenceSeconds: 0.5, onSuspect: (suspect) => suspicions.push(suspect) });
    assert.deepEqual(await scene.outcome, { kind: 'cut', sentence: 'the counter said nothing for 0.5 s' });
    assert.deepEqual(suspicions, [true]);
  });

  test('is not one that is heard while a message of the agent is stuck behind its video', async (context) => {
    const { address } = await counter(context, async (call, heard) => {
      call.accept();
      await listen(call, heard, ({ numbers }) => numbers.length === 1);
      // From here on it reads nothing, of eight megabytes that are on their way.
      for (let i = 0; i < 35; i += 1) {
        await pause(0.1, call.signal);
        if (i === 5)
          await call.send({ storeCheckpoint: { serial: 1, position: 1, presentationMicros: 0, checkpoint: Buffer.from('state') } });
        await call.send({ heartbeat: {} });
      }
      await call.send({ goAway: { sentence: 'Enough.' } });
      await closed(call);
    });
    assert.deepEqual(await startCall(address, { recording: largeFile(), silenceSeconds: 2 }).outcome, {
      kind: 'goAway',
      sentence: 'Enough.',
    });
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
    assert.deepEqual(await startCall(address, { recording: largeFile() }).outcome, { kind: 'cut', sentence: 'the counter ended the call' });
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
