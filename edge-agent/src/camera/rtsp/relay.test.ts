/** Where a relay connects to, over real sockets, while a name means one address now and another one then. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { until } from '../../../../hack/machine/rtsp-server.ts';
import { CameraFault } from '../faults.ts';
import { type Connect, openRelay } from './relay.ts';

const never = new AbortController().signal;
const ADDRESSES = ['127.0.0.21', '127.0.0.22'];

/** Listens at both addresses, on one port. @returns who was visited, in order. */
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

/** Connects once for each answer that its name has. Nobody but the test could tell what it stands for. */
async function connectByName(
  port: number,
  answers: readonly (readonly string[])[],
  networks?: Connect['networks'],
): Promise<{ asked: string[]; outcomes: string[] }> {
  const asked: string[] = [];
  const outcomes: string[] = [];
  for (const [attempt, answer] of answers.entries()) {
    const resolve = (name: string) => {
      asked.push(name);
      return Promise.resolve(answer.map((address) => ({ address })));
    };
    try {
      (await openRelay({ url: `rtsp://door.cameras.invalid:${port}/stream`, networks, attempt, resolve }, never)).close();
      outcomes.push('connected');
    } catch (error) {
      assert.ok(error instanceof CameraFault);
      outcomes.push(error.reason);
    }
  }
  return { asked, outcomes };
}

test('a name is looked up at each connect, and the connection is made to what it stands for then', async (context) => {
  const { port, visited } = await cameras(context);
  const [first, second] = ADDRESSES as [string, string];
  const { asked, outcomes } = await connectByName(port, [[first], [second], [first]]);
  assert.deepEqual(outcomes, ['connected', 'connected', 'connected']);
  assert.equal(asked.length, 3);
  await until(() => visited.length === 3, 5);
  assert.deepEqual(visited, [first, second, first]);
});

test('each time the address is judged, and one where no camera may be is not connected to', async (context) => {
  const { port, visited } = await cameras(context);
  const { asked, outcomes } = await connectByName(port, [ADDRESSES, ['169.254.169.254', '10.96.0.10'], ADDRESSES], {
    allowed: ['10.96.0.0/12'],
    cluster: ['10.96.0.0/16'],
  });
  assert.deepEqual(outcomes, ['CameraForbidden', 'CameraForbidden', 'CameraForbidden']);
  assert.deepEqual(
    asked,
    Array.from(outcomes, () => 'door.cameras.invalid.'),
    'as it stands',
  );
  assert.deepEqual(visited, []);
});
