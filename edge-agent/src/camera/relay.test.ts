/** Where a relay connects to, over real sockets, while a name means one address now and another one then. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { until } from '../../../hack/camera/rtsp-server.ts';
import { CameraFault } from './faults.ts';
import { openRelay } from './relay.ts';

const never = new AbortController().signal;
/** A camera may not be on loopback, whatever is listed. */
const here = Object.values(networkInterfaces()).flat().find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;

test('a name is looked up at each connect, and the one connection is made to the address that was judged', { skip: here === undefined && 'needs an address other than loopback' }, async (context) => {
  let visits = 0;
  const camera = createServer((socket) => {
    visits += 1;
    socket.on('error', () => undefined).resume();
  });
  await new Promise<void>((resolve) => camera.listen(0, here, resolve));
  context.after(() => camera.close());
  const { port } = camera.address() as AddressInfo;
  const asked: string[] = [];
  const answers = [[here!], ['169.254.169.254', '10.96.0.10'], ['169.254.169.254', here!], ['10.96.0.10']];
  const connect = (attempt: number) => openRelay({
    // Nobody else could tell what it stands for.
    url: `rtsp://door.cameras.invalid:${port}/stream`,
    networks: { allowed: [`${here}/32`], cluster: ['10.96.0.0/16'] },
    attempt,
    resolve: (name) => {
      asked.push(name);
      return Promise.resolve(answers[asked.length - 1]!.map((address) => ({ address })));
    },
  }, never);
  const outcomes: string[] = [];
  for (let attempt = 0; attempt < answers.length; attempt += 1) {
    try {
      (await connect(attempt)).close();
      outcomes.push('connected');
    } catch (error) {
      assert.ok(error instanceof CameraFault);
      outcomes.push(error.reason);
    }
  }
  assert.deepEqual(outcomes, ['connected', 'CameraForbidden', 'connected', 'CameraForbidden']);
  assert.deepEqual(asked, Array.from(answers, () => 'door.cameras.invalid.'));
  await until(() => visits === 2, 5);
});
