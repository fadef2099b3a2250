/** The HTTP side over real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createMetrics } from './metrics.ts';
import { serveHttp } from './http-server.ts';

async function serve(context: TestContext): Promise<number> {
  const http = await serveHttp({ host: '127.0.0.1', port: 0, metrics: createMetrics(), unready: () => undefined });
  context.after(() => http.stop());
  return http.port;
}

/** @param localAddress of loopback, which has many. */
async function status(port: number, localAddress: string): Promise<number | undefined> {
  const request = get({ port, host: '127.0.0.1', path: '/healthz', localAddress, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

/** A client that connects and sends nothing; `cut` resolves when it was cut. */
function mute(port: number, localAddress: string): { open: Promise<unknown>; cut: Promise<unknown>; destroy: () => void } {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined).resume();
  return { open: once(socket, 'connect'), cut: new Promise((resolve) => socket.once('close', resolve)), destroy: () => socket.destroy() };
}

test('a client that opens connections without end has 32 of them, and keeps no other out', { timeout: 10_000 }, async (context) => {
  const port = await serve(context);
  const kept = Array.from({ length: 32 }, () => mute(port, '127.0.0.9'));
  await Promise.all(kept.map(({ open }) => open));
  await mute(port, '127.0.0.9').cut;
  assert.equal(await status(port, '127.0.0.1'), 200);
  kept[0]!.destroy();
  await kept[0]!.cut;
  for (;;) if ((await status(port, '127.0.0.9').catch(() => undefined)) === 200) break;
  for (const { destroy } of kept) destroy();
});

test('many clients that do the same have 128 together', { timeout: 10_000 }, async (context) => {
  const port = await serve(context);
  const kept = [2, 3, 4, 5].flatMap((last) => Array.from({ length: 32 }, () => mute(port, `127.0.0.${last}`)));
  await Promise.all(kept.map(({ open }) => open));
  await mute(port, '127.0.0.6').cut;
  for (const { destroy } of kept) destroy();
});

test('a connection on which no request comes is cut', { timeout: 20_000 }, async (context) => {
  const port = await serve(context);
  await mute(port, '127.0.0.1').cut;
});
