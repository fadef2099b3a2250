/** The network of tests, with real sockets at both ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Link, type LinkOptions } from './link.ts';

/** The callee sends back all that it gets. */
async function scene(context: TestContext, options: LinkOptions = {}): Promise<{ link: Link; dial: () => Promise<Socket> }> {
  const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const link = await Link.to((echo.address() as AddressInfo).port, options);
  context.after(async () => {
    await link.close();
    echo.close();
  });
  const dial = async () => {
    const socket = connect(link.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await Promise.race([closed(socket), new Promise<void>((resolve) => socket.once('connect', () => resolve()))]);
    return socket;
  };
  return { link, dial };
}

/** `once` would throw what broke it. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
}

async function answer(socket: Socket, words: string): Promise<string> {
  const answered = once(socket, 'data') as Promise<[Buffer]>;
  socket.write(words);
  return (await answered)[0].toString();
}

test('it passes everything on, both ways, and the end, too', async (context) => {
  const { dial } = await scene(context);
  const socket = await dial();
  assert.equal(await answer(socket, 'hello'), 'hello');
  socket.end();
  await closed(socket);
});

test('cut, a connection is gone and the next one is there', async (context) => {
  const { link, dial } = await scene(context);
  const socket = await dial();
  await answer(socket, 'hello');
  const cut = closed(socket);
  link.cut();
  await cut;
  assert.equal(await answer(await dial(), 'again'), 'again');
});

test('it counts only what it has hindered', async (context) => {
  const { link, dial } = await scene(context);
  link.cut();
  assert.equal(link.hindered, 0, 'there was no connection');
  await answer(await dial(), 'hello');
  link.delay(1);
  assert.equal(link.hindered, 0, 'nothing was sent');
  await answer(await dial(), 'hello');
  assert.ok(link.hindered > 0);
});

test('refusing, it resets every new connection until it heals', async (context) => {
  const { link, dial } = await scene(context);
  link.refuse();
  await closed(await dial());
  link.heal();
  assert.equal(await answer(await dial(), 'again'), 'again');
});

test('what was swallowed comes when it heals', async (context) => {
  const { link, dial } = await scene(context);
  const socket = await dial();
  await answer(socket, 'hello');
  link.swallow();
  let healed = false;
  const answered = answer(socket, 'hello again').then((words) => ({ words, healed }));
  // Time enough: something else goes to and fro.
  const other = await scene(context);
  await answer(await other.dial(), 'meanwhile');
  healed = true;
  link.heal();
  assert.deepEqual(await answered, { words: 'hello again', healed: true });
});

test('late, it comes late and in its order', async (context) => {
  const { link, dial } = await scene(context);
  const socket = await dial();
  link.delay(100);
  const began = performance.now();
  const heard: string[] = [];
  socket.on('data', (bytes) => heard.push(bytes.toString()));
  socket.write('one ');
  await once(socket, 'data');
  assert.ok(performance.now() - began > 190);
  link.delay(50);
  socket.write('two ');
  link.delay(0);
  socket.write('three');
  while (heard.join('').length < 13) await once(socket, 'data');
  assert.equal(heard.join(''), 'one two three');
});

test('it overhears both, and changes what the callee says', async (context) => {
  const heard: string[] = [];
  const { dial } = await scene(context, {
    onBytes: (bytes, from) => heard.push(`${from}: ${bytes.toString()}`),
    alter: (bytes) => Buffer.from(bytes.toString().toUpperCase()),
  });
  assert.equal(await answer(await dial(), 'hello'), 'HELLO');
  assert.deepEqual(heard, ['caller: hello', 'callee: hello']);
});

test('with a speed, the caller has to wait for it', async (context) => {
  const { dial } = await scene(context, { bytesPerSecond: 20_000 });
  const socket = await dial();
  const began = performance.now();
  const arrived: Buffer[] = [];
  socket.on('data', (bytes) => arrived.push(bytes));
  socket.write(Buffer.alloc(5000, 'x'));
  while (Buffer.concat(arrived).length < 5000) await once(socket, 'data');
  assert.ok(performance.now() - began > 190, 'the fifth kilobyte goes after the time of four');
  assert.equal(Buffer.concat(arrived).toString(), 'x'.repeat(5000));
});
