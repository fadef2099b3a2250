/** The protocol over real gRPC on loopback. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dialCounting } from './client.ts';
import { MAX_MESSAGE_BYTES } from './messages.ts';
import type { CounterCall } from './protocol.ts';
import { serveCounting } from './server.ts';

const never = new AbortController().signal;
const unit = (bytes: number) => ({ accessUnit: { number: 1, presentationMicros: 0, keyframe: true, data: Buffer.alloc(bytes) } });

async function withServer(handler: (call: CounterCall) => Promise<void>, run: (address: string) => Promise<void>): Promise<void> {
  const server = await serveCounting('127.0.0.1:0', handler);
  try {
    await run(`127.0.0.1:${server.port}`);
  } finally {
    await server.stop(50);
  }
}

/** Sends until the transport takes no more; gives the bytes it took. */
async function fill(send: () => Promise<void>, bytes: number): Promise<number> {
  for (let taken = 0; ; taken += bytes) {
    const full = Symbol('full');
    const outcome = await Promise.race([send(), new Promise((resolve) => setTimeout(resolve, 300, full))]);
    if (outcome === full) return taken;
    assert.ok(taken < 64e6, 'nothing holds the sender back');
  }
}

test('messages arrive in order, as kinds with values', async () => {
  const handler = async (call: CounterCall) => {
    for await (const message of call.messages) {
      if (message.kind === 'hello') await call.send({ welcome: { term: 7, position: 42 } });
      if (message.kind === 'endOfStream') await call.send({ finished: {} });
    }
  };
  await withServer(handler, async (address) => {
    const call = dialCounting(address, never);
    await call.send({ hello: { session: 's' } });
    await call.send({ endOfStream: { lastNumber: 3 } });
    call.finish();
    const kinds: unknown[] = [];
    for await (const message of call.messages) kinds.push(message.kind === 'welcome' ? message.value : message.kind);
    assert.deepEqual(kinds, [{ term: 7, position: 42 }, 'finished']);
  });
});

test('a counter that does not read holds the agent back', async () => {
  const idle = (call: CounterCall) => new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve()));
  await withServer(idle, async (address) => {
    const call = dialCounting(address, never);
    call.messages[Symbol.asyncIterator]()
      .next()
      .catch(() => undefined);
    const taken = await fill(() => call.send(unit(32_768)), 32_768);
    assert.ok(taken < 4e6, `${taken} bytes were taken`);
    call.cancel();
  });
});

test('an agent that does not read holds the counter back', async () => {
  const result = Promise.withResolvers<number>();
  const handler = async (call: CounterCall) => {
    const checkpoint = { storeCheckpoint: { serial: 1, position: 1, presentationMicros: 0, checkpoint: Buffer.alloc(32_768) } };
    await fill(() => call.send(checkpoint), 32_768).then(result.resolve, result.reject);
  };
  await withServer(handler, async (address) => {
    const call = dialCounting(address, never);
    // gRPC reads ahead without end until reading begins; an agent always reads.
    const first = call.messages[Symbol.asyncIterator]().next();
    await call.send({ heartbeat: {} });
    await first;
    assert.ok((await result.promise) < 4e6);
    call.cancel();
  });
});

test('a call that breaks ends the reading and the waiting writes of both sides', async () => {
  const ended = Promise.withResolvers<boolean>();
  const handler = async (call: CounterCall) => {
    for await (const message of call.messages) assert.equal(message.kind, 'hello');
    if (call.signal.aborted) ended.resolve(true);
    call.signal.addEventListener('abort', () => ended.resolve(true));
  };
  await withServer(handler, async (address) => {
    const stop = new AbortController();
    const call = dialCounting(address, stop.signal);
    await call.send({ hello: { session: 's' } });
    const reading = assert.rejects(async () => {
      for await (const message of call.messages) assert.fail(message.kind);
    }, /Cancelled/i);
    // The other side must have the call before it can lose it.
    setTimeout(() => stop.abort(), 100);
    await reading;
    assert.equal(await ended.promise, true);
    await assert.rejects(call.send({ heartbeat: {} }), /over/);
  });
});

test('a handler that throws ends its own call, with its sentence, and no other', async () => {
  const handler = async (call: CounterCall) => {
    for await (const message of call.messages) {
      if (message.kind === 'hello' && message.value.session === 'bad') throw new Error('This one is bad.');
      await call.send({ heartbeat: {} });
    }
  };
  await withServer(handler, async (address) => {
    const good = dialCounting(address, never);
    const answers = good.messages[Symbol.asyncIterator]();
    const bad = dialCounting(address, never);
    await bad.send({ hello: { session: 'bad' } });
    await assert.rejects(bad.messages[Symbol.asyncIterator]().next(), /This one is bad/);
    await good.send({ hello: { session: 'good' } });
    assert.equal(((await answers.next()).value as { kind: string }).kind, 'heartbeat');
    good.cancel();
  });
});

test('a message beyond the limit is refused', async () => {
  await withServer(
    async (call) => {
      for await (const message of call.messages) assert.fail(message.kind);
    },
    async (address) => {
      const call = dialCounting(address, never);
      const reading = call.messages[Symbol.asyncIterator]().next();
      call.send(unit(MAX_MESSAGE_BYTES + 1)).catch(() => undefined);
      await assert.rejects(reading, /RESOURCE_EXHAUSTED/);
    },
  );
});

test('an address without a server fails by its messages', async () => {
  const call = dialCounting('127.0.0.1:1', never);
  await assert.rejects(call.messages[Symbol.asyncIterator]().next(), /UNAVAILABLE|No connection/);
});
