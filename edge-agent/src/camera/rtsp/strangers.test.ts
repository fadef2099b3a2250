/** What answers at an address is not a camera, or not one that may be read: real sockets, without an RTSP server. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { suite, test, type TestContext } from 'node:test';
import { withoutFfmpeg } from '../../../../hack/machine/ffmpeg.ts';
import { anywhere, makeFolder, never, PASSWORD, rejectsWith, USER, writeCredentials } from '../../fixtures/rtsp.ts';
import { Guard } from '../guard.ts';
import { rtspCamera } from './rtsp.ts';

const folder = makeFolder();

/** The address of a server that answers every request with this, or not at all, until the test ends. */
async function answering(
  context: TestContext,
  answer: string | undefined,
  onRequest: (request: string) => void = () => undefined,
): Promise<string> {
  const sockets = new Set<{ destroy: () => void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('data', (data) => {
        onRequest(data.toString());
        if (answer !== undefined) socket.write(answer.replace('$CSEQ', /CSeq: (\d+)/.exec(data.toString())?.[1] ?? '0'));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/door`;
}

suite('an address', () => {
  test('that accepts and says nothing: CameraUnreachable in time', async (context) => {
    const mute = await answering(context, undefined);
    await rejectsWith('CameraUnreachable', rtspCamera({ url: mute, transport: 'tcp' }, anywhere, { connectSeconds: 0.5 }).read(never));
  });

  test('of a web server: CameraUnreachable', async (context) => {
    const web = await answering(context, 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    await rejectsWith('CameraUnreachable', rtspCamera({ url: web, transport: 'tcp' }, anywhere, { connectSeconds: 2 }).read(never));
  });

  test(
    'of a camera that redirects its viewers is not followed: CameraForbidden',
    { skip: withoutFfmpeg('RTSP by way of the concat demuxer') },
    async (context) => {
      let visits = 0;
      const other = await answering(context, undefined, () => (visits += 1));
      const redirecting = await answering(context, `RTSP/1.0 302 Moved Temporarily\r\nCSeq: $CSEQ\r\nLocation: ${other}\r\n\r\n`);
      const camera = rtspCamera({ url: redirecting, transport: 'tcp' }, anywhere, { connectSeconds: 5 });
      await rejectsWith('CameraForbidden', camera.read(never));
      assert.equal(visits, 0);
    },
  );

  test('at which cameras are not allowed is not connected to: CameraForbidden', async (context) => {
    let visits = 0;
    const here = await answering(context, undefined, () => (visits += 1));
    const { port } = new URL(here);
    const guard = new Guard({ allowed: [], cluster: ['10.96.0.0/16'] });
    for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', '169.254.169.254', '10.96.0.10', 'counter.footfall.svc'])
      await rejectsWith('CameraForbidden', rtspCamera({ url: `rtsp://${host}:${port}/door`, transport: 'tcp' }, guard).read(never));
    assert.equal(visits, 0);
  });

  test('whose host does not exist: CameraUnreachable', async () => {
    await rejectsWith('CameraUnreachable', rtspCamera({ url: 'rtsp://no-such-host.invalid/door', transport: 'tcp' }, anywhere).read(never));
  });
});

test(
  'every character of user and password arrives, a colon too',
  { skip: withoutFfmpeg('RTSP by way of the concat demuxer') },
  async (context) => {
    const password = `${PASSWORD}:"\\ $&#?`;
    let authorization: string | undefined;
    const asking = await answering(
      context,
      'RTSP/1.0 401 Unauthorized\r\nCSeq: $CSEQ\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n',
      (request) => {
        authorization ??= /Authorization: Basic (\S+)/.exec(request)?.[1];
      },
    );
    const credentialsDirectory = writeCredentials(folder, password);
    await rejectsWith('CameraUnauthorized', rtspCamera({ url: asking, transport: 'tcp', credentialsDirectory }, anywhere).read(never));
    assert.equal(Buffer.from(authorization ?? '', 'base64').toString(), `${USER}:${password}`);
  },
);
