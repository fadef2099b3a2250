/** What answers at an address is not a camera, or not one that may be read: real sockets, without an RTSP server. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { withoutFfmpeg } from '../../../../hack/machine/ffmpeg.ts';
import { anywhere, makeFolder, never, PASSWORD, rejectsWith, USER, writeCredentials } from '../../fixtures/rtsp.ts';
import { Guard } from '../guard.ts';
import { rtspCamera } from './rtsp.ts';

const folder = makeFolder();

/** A server that answers every request with this, or not at all. */
async function answering(
  answer: string | undefined,
  onRequest: (request: string) => void = () => undefined,
): Promise<{ url: string; close: () => void }> {
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
  return {
    url: `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/door`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

suite('an address', () => {
  test('that accepts and says nothing: CameraUnreachable in time', async () => {
    const mute = await answering(undefined);
    await rejectsWith('CameraUnreachable', rtspCamera({ url: mute.url, transport: 'tcp' }, anywhere, { connectSeconds: 0.5 }).read(never));
    mute.close();
  });

  test('of a web server: CameraUnreachable', async () => {
    const web = await answering('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    await rejectsWith('CameraUnreachable', rtspCamera({ url: web.url, transport: 'tcp' }, anywhere, { connectSeconds: 2 }).read(never));
    web.close();
  });

  test(
    'of a camera that redirects its viewers is not followed: CameraForbidden',
    { skip: withoutFfmpeg('RTSP by way of the concat demuxer') },
    async () => {
      let visits = 0;
      const other = await answering(undefined, () => (visits += 1));
      const redirecting = await answering(`RTSP/1.0 302 Moved Temporarily\r\nCSeq: $CSEQ\r\nLocation: ${other.url}\r\n\r\n`);
      const camera = rtspCamera({ url: redirecting.url, transport: 'tcp' }, anywhere, { connectSeconds: 5 });
      await rejectsWith('CameraForbidden', camera.read(never));
      assert.equal(visits, 0);
      redirecting.close();
      other.close();
    },
  );

  test('at which cameras are not allowed is not connected to: CameraForbidden', async () => {
    let visits = 0;
    const here = await answering(undefined, () => (visits += 1));
    const { port } = new URL(here.url);
    const guard = new Guard({ allowed: [], cluster: ['10.96.0.0/16'] });
    for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', '169.254.169.254', '10.96.0.10', 'counter.footfall.svc'])
      await rejectsWith('CameraForbidden', rtspCamera({ url: `rtsp://${host}:${port}/door`, transport: 'tcp' }, guard).read(never));
    assert.equal(visits, 0);
    here.close();
  });

  test('whose host does not exist: CameraUnreachable', async () => {
    await rejectsWith('CameraUnreachable', rtspCamera({ url: 'rtsp://no-such-host.invalid/door', transport: 'tcp' }, anywhere).read(never));
  });
});

test(
  'every character of user and password arrives, a colon too',
  { skip: withoutFfmpeg('RTSP by way of the concat demuxer') },
  async () => {
    const password = `${PASSWORD}:"\\ $&#?`;
    let authorization: string | undefined;
    const asking = await answering(
      'RTSP/1.0 401 Unauthorized\r\nCSeq: $CSEQ\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n',
      (request) => {
        authorization ??= /Authorization: Basic (\S+)/.exec(request)?.[1];
      },
    );
    const credentialsDirectory = writeCredentials(folder, password);
    await rejectsWith('CameraUnauthorized', rtspCamera({ url: asking.url, transport: 'tcp', credentialsDirectory }, anywhere).read(never));
    assert.equal(Buffer.from(authorization ?? '', 'base64').toString(), `${USER}:${password}`);
    asking.close();
  },
);
