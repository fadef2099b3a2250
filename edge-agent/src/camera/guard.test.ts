/** Where the guard connects to, over real sockets, while a name stands for one address and later for another. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { until } from '../../../hack/machine/until.ts';
import { CameraFault } from './faults.ts';
import { Guard } from './guard.ts';
import type { CameraNetworks } from './networks.ts';

const never = new AbortController().signal;
const ADDRESSES = ['127.0.0.21', '127.0.0.22'];

/** Listens at both addresses, on one port. @returns the addresses that were visited, in order. */
async function cameras(context: TestContext): Promise<{ port: number; visited: string[] }> {
  const visited: string[] = [];
  let port = 0;
  for (const address of ADDRESSES) {
    const camera = createServer((socket) => {
      visited.push(address);
      socket.on('error', () => undefined).resume();
    });
    camera.listen(port, address);
    await once(camera, 'listening');
    context.after(() => camera.close());
    ({ port } = camera.address() as AddressInfo);
  }
  return { port, visited };
}

/** Connects once for each answer that the name has. */
async function connectByName(
  port: number,
  answers: readonly (readonly string[])[],
  networks?: CameraNetworks,
): Promise<{ asked: string[]; outcomes: string[] }> {
  const asked: string[] = [];
  const outcomes: string[] = [];
  const guard = new Guard(networks, (name) => {
    const answer = answers[asked.length] ?? [];
    asked.push(name);
    return Promise.resolve(answer.map((address) => ({ address })));
  });
  for (const _ of answers) {
    try {
      (await guard.connect(`rtsp://door.cameras.invalid:${port}/stream`, never)).socket.destroy();
      outcomes.push('connected');
    } catch (error) {
      assert.ok(error instanceof CameraFault);
      outcomes.push(error.reason);
    }
  }
  return { asked, outcomes };
}

test('a name is looked up for each connection, which goes to what the name stands for then', async (context) => {
  const { port, visited } = await cameras(context);
  const [first, second] = ADDRESSES as [string, string];
  const { asked, outcomes } = await connectByName(port, [[first], [second], [first]]);
  assert.deepEqual(outcomes, ['connected', 'connected', 'connected']);
  assert.equal(asked.length, 3);
  await until(() => visited.length === 3, 5);
  assert.deepEqual(visited, [first, second, first]);
});

test('of several addresses each has its turn', async (context) => {
  const { port, visited } = await cameras(context);
  await connectByName(port, [ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES]);
  await until(() => visited.length === 4, 5);
  assert.deepEqual(visited.slice(2), visited.slice(0, 2));
  assert.deepEqual(visited.slice(0, 2).toSorted(), ADDRESSES);
});

test('each answer is checked, and an address where cameras are not allowed is not connected to', async (context) => {
  const { port, visited } = await cameras(context);
  const { asked, outcomes } = await connectByName(port, [ADDRESSES, ['169.254.169.254', '10.96.0.10'], ADDRESSES], {
    allowed: ['10.96.0.0/12'],
    cluster: ['10.96.0.0/16'],
  });
  assert.deepEqual(outcomes, ['CameraForbidden', 'CameraForbidden', 'CameraForbidden']);
  assert.deepEqual(
    asked,
    Array.from(outcomes, () => 'door.cameras.invalid.'),
    'the name is absolute',
  );
  assert.deepEqual(visited, []);
});

test('a name that stands for no address cannot be reached, and this host is not taken for it', async () => {
  for (const networks of [undefined, { allowed: [], cluster: [] }])
    assert.deepEqual((await connectByName(1, [[]], networks)).outcomes, ['CameraUnreachable']);
});
