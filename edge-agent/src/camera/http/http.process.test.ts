/** Live video over HTTP, from a real web server. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Certificates, SERVER_NAME } from '../../../../hack/machine/certificates.ts';
import {
  anywhere,
  CLIP,
  makeFolder,
  never,
  PASSWORD,
  readUntil,
  rejectsWith,
  USER,
  WRONG_PASSWORD,
  writeCredentials,
} from '../../fixtures/rtsp.ts';
import { FirstIsAllowed, serveWeb } from '../../fixtures/web.ts';
import type { CameraSource } from '../camera.ts';
import { Guard } from '../guard.ts';
import { httpCamera } from './http.ts';

const folder = makeFolder();
const mjpeg = join(folder, 'pictures.mjpg');
const encode = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=10:duration=2', '-c:v', 'mjpeg', '-f', 'mpjpeg', mjpeg];
execFileSync('ffmpeg', encode);
const PICTURES = readFileSync(mjpeg);

const camera = (url: string, change: Partial<CameraSource> = {}, guard = anywhere) =>
  httpCamera({ url, transport: 'tcp', ...change }, guard, { connectSeconds: 5, silenceSeconds: 1 });
const items = (url: string, change: Partial<CameraSource> = {}, guard = anywhere) => camera(url, change, guard).read(never);
const enough = (count: number) => (_: unknown, seen: number) => seen > count;

/** Sends the pictures and stays connected. */
function sendPictures(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace;boundary=ffmpeg' }).write(PICTURES);
}

suite('MJPEG', () => {
  test('gives each picture as it came, at the time of its arrival, and each is a keyframe', async (context) => {
    const web = await serveWeb(context, (_, response) => sendPictures(response));
    const [first, ...units] = await readUntil(items(web.url('/video.mjpg')), enough(15));
    assert.deepEqual(first, {
      kind: 'codec',
      codec: { fourcc: 'MJPG', privateData: new Uint8Array(), width: 160, height: 120, decodeDelay: 0 },
    });
    const times = units.map((item) => (item.kind === 'unit' && item.unit.keyframe ? item.unit.presentationMicros : NaN));
    assert.ok(
      times.every((time, index) => index === 0 || time > times[index - 1]!),
      String(times),
    );
    for (const item of units) assert.ok(item.kind === 'unit' && PICTURES.includes(Buffer.from(item.unit.data)));
  });

  test('that stops: CameraSilent; that is cut off: CameraLost', async (context) => {
    const silent = await serveWeb(context, (_, response) => sendPictures(response));
    await rejectsWith('CameraSilent', items(silent.url('/')), () => false);
    const cut = await serveWeb(context, (_, response) => {
      sendPictures(response);
      setTimeout(() => response.destroy(), 100);
    });
    await rejectsWith('CameraLost', items(cut.url('/')), () => false);
  });

  test('whose parts are no pictures: UnsupportedCodec', async (context) => {
    const web = await serveWeb(context, (_, response) => {
      response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary="b"' });
      response.write('--b\r\nContent-Length: 5\r\n\r\nhello\r\n'.repeat(50));
    });
    await rejectsWith('UnsupportedCodec', items(web.url('/')));
  });
});

test('a container without an end gives its access units, with its own times', async (context) => {
  const web = await serveWeb(context, (_, response) => {
    const source = ['-v', 'error', '-re', '-i', CLIP, '-c', 'copy', '-f', 'mpegts', 'pipe:1'];
    const publisher = spawn('ffmpeg', source, { stdio: ['ignore', 'pipe', 'ignore'] });
    context.after(() => publisher.kill('SIGKILL'));
    publisher.stdout.pipe(response.writeHead(200, { 'content-type': 'video/mp2t' }));
  });
  const [first, ...units] = await readUntil(items(web.url('/live')), enough(15));
  assert.deepEqual(first?.kind === 'codec' && [first.codec.fourcc, first.codec.width, first.codec.height], ['H264', 768, 432]);
  assert.ok(units.some((item) => item.kind === 'unit' && item.unit.keyframe));
});

suite('what is no live video', () => {
  test('but a recording is not read as if it were live: NotLive', async (context) => {
    const web = await serveWeb(context, ({ url }, response) => {
      const bytes = readFileSync(CLIP);
      response.writeHead(200, url === '/sized' ? { 'content-length': bytes.length } : {}).end(bytes);
    });
    await rejectsWith('NotLive', items(web.url('/sized')));
  });

  test('and comes faster than it happens: NotLive', async (context) => {
    const long = join(folder, 'long.ts');
    execFileSync('ffmpeg', ['-v', 'error', '-stream_loop', '5', '-i', CLIP, '-c', 'copy', long]);
    const web = await serveWeb(context, (_, response) => void response.writeHead(200).end(readFileSync(long)));
    await rejectsWith('NotLive', items(web.url('/')), () => false);
  });

  const answers: Record<string, { type: string; body: string; reason: 'NotAVideo' }> = {
    'a page': { type: 'text/html', body: '<html></html>', reason: 'NotAVideo' },
    'a single picture': { type: 'image/jpeg', body: 'jpeg', reason: 'NotAVideo' },
    'a playlist that leads elsewhere': { type: 'video/mp2t', body: '#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n', reason: 'NotAVideo' },
  };
  for (const [name, { type, body, reason }] of Object.entries(answers))
    test(`${name}: ${reason}`, async (context) => {
      const web = await serveWeb(context, (_, response) => {
        response.writeHead(200, { 'content-type': type }).write(body);
        response.end();
      });
      await rejectsWith(reason, items(web.url('/')));
    });

  const statuses = { 401: 'CameraUnauthorized', 403: 'CameraUnauthorized', 404: 'CameraPathUnknown', 503: 'CameraRefused' } as const;
  for (const [status, reason] of Object.entries(statuses))
    test(`an answer of ${status}: ${reason}`, async (context) => {
      const web = await serveWeb(context, (_, response) => void response.writeHead(Number(status)).end());
      await rejectsWith(reason, items(web.url('/')));
    });
});

suite('a login', () => {
  test('by basic authentication arrives once it is asked for, and is in no request before that', async (context) => {
    const expected = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
    const web = await serveWeb(context, ({ headers }, response) => {
      if (headers.authorization === expected) sendPictures(response);
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="camera"' }).end();
    });
    await readUntil(items(web.url('/'), { credentialsDirectory: writeCredentials(folder, PASSWORD) }), enough(3));
    assert.deepEqual(
      web.requests.map(({ headers }) => headers.authorization),
      [undefined, expected],
    );
    await rejectsWith('CameraUnauthorized', items(web.url('/'), { credentialsDirectory: writeCredentials(folder, 'wrong/word') }));
  });

  for (const [algorithm, hashName] of Object.entries({ MD5: 'md5', 'SHA-256': 'sha256' }))
    test(`by digest authentication with ${algorithm}`, async (context) => {
      const hash = (text: string) => createHash(hashName).update(text).digest('hex');
      const web = await serveWeb(context, ({ headers, url }, response) => {
        const { authorization = '' } = headers;
        const field = (name: string) => new RegExp(`\\b${name}="?([^",]*)`).exec(authorization)?.[1] ?? '';
        const [a1, a2] = [hash(`${USER}:door:${PASSWORD}`), hash(`GET:${url}`)];
        const right = hash([a1, 'nonce', field('nc'), field('cnonce'), 'auth', a2].join(':'));
        if (field('response') === right && field('uri') === url) return sendPictures(response);
        const challenge = `Digest realm="door", nonce="nonce", qop="auth", algorithm=${algorithm}`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
      });
      await readUntil(items(web.url('/video?channel=1'), { credentialsDirectory: writeCredentials(folder, PASSWORD) }), enough(3));
    });

  for (const [written, token] of [
    ['in UTF-8', Buffer.from('abc.def\n')],
    ['in UTF-16', Buffer.from('\uFEFFabc.def\r\n', 'utf16le')],
  ] as const)
    test(`by bearer token, written ${written}`, async (context) => {
      const credentialsDirectory = mkdtempSync(join(folder, 'secret-'));
      writeFileSync(join(credentialsDirectory, 'bearerToken'), token);
      const web = await serveWeb(context, ({ headers }, response) => {
        if (headers.authorization === 'Bearer abc.def') sendPictures(response);
        else response.writeHead(401).end();
      });
      await readUntil(items(web.url('/'), { credentialsDirectory }), enough(3));
    });

  test('in the query is sent, and no sentence has it: of a server that repeats it, that redirects with it, or that is not there', async (context) => {
    const web = await serveWeb(context, ({ url }, response) => {
      if (url!.startsWith('/moved')) response.writeHead(302, { location: `/there?${url!.split('?')[1]}` }).end();
      else response.writeHead(500, `wrong ${decodeURIComponent(url!).replaceAll(/[^ -~]/g, '')}`).end();
    });
    const credentialsDirectory = writeCredentials(folder, WRONG_PASSWORD);
    for (const path of ['/', '/moved']) {
      await rejectsWith('CameraRefused', items(web.url(`${path}?key={password}`), { credentialsDirectory }));
      assert.ok(web.requests.at(-1)!.url!.endsWith(`?key=${encodeURIComponent(WRONG_PASSWORD)}`));
    }
    await rejectsWith('CameraUnreachable', items('http://127.0.0.1:1/?key={password}', { credentialsDirectory }));
    await rejectsWith(
      'CameraForbidden',
      items('http://127.0.0.1:1/?key={password}', { credentialsDirectory }, new Guard({ allowed: [], cluster: [] })),
    );
  });

  test('is not for the address that the camera redirects to', async (context) => {
    const other = await serveWeb(context, ({ headers }, response) =>
      headers.authorization === undefined && response.req.url === '/elsewhere'
        ? sendPictures(response)
        : void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    const web = await serveWeb(context, ({ headers }, response) => {
      if (headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else response.writeHead(302, { location: other.url('/elsewhere') }).end();
    });
    const credentialsDirectory = writeCredentials(folder, PASSWORD);
    await readUntil(items(web.url('/'), { credentialsDirectory }), enough(3));
    assert.deepEqual(
      other.requests.map(({ headers }) => headers.authorization),
      [undefined],
    );
  });
});

suite('a redirection', () => {
  const targets = [
    'http://169.254.169.254/latest',
    'http://10.96.0.10/',
    'http://counter.footfall.svc/',
    'file:///etc/passwd',
    'rtsp://10.0.0.8/',
  ];
  for (const location of targets)
    test(`to ${location} is not followed: CameraForbidden`, async (context) => {
      const web = await serveWeb(context, (_, response) => void response.writeHead(302, { location }).end());
      await rejectsWith('CameraForbidden', items(web.url('/'), {}, new FirstIsAllowed(web.url(''))));
    });

  test('to a port of this host is not followed in a cluster, nor in a circle', async (context) => {
    const other = await serveWeb(context, (_, response) => sendPictures(response));
    const web = await serveWeb(
      context,
      ({ url }, response) => void response.writeHead(302, { location: url === '/circle' ? '/circle' : other.url('/') }).end(),
    );
    await rejectsWith('CameraForbidden', items(web.url('/'), {}, new FirstIsAllowed(web.url('/'))));
    assert.equal(other.requests.length, 0);
    await rejectsWith('CameraForbidden', items(web.url('/circle')));
    assert.ok(web.requests.length < 10);
  });
});

test('over https the certificate is verified: by the authority of the Secret, or not at all where that is asked for', async (context) => {
  const { ofCounter, authoritiesFile } = await Certificates.make(join(folder, 'certificates'));
  const [cert, key] = [readFileSync(ofCounter.certificateFile, 'utf8'), readFileSync(ofCounter.keyFile, 'utf8')];
  const web = await serveWeb(context, (_, response) => sendPictures(response), { cert, key });
  const credentialsDirectory = mkdtempSync(join(folder, 'secret-'));
  const named = new Guard(undefined, () => Promise.resolve([{ address: '127.0.0.1' }]));
  const byName = `https://${SERVER_NAME}:${web.port}/`;
  await rejectsWith('CameraUntrusted', items(byName, {}, named));
  await readUntil(items(byName, { insecureSkipTLSVerify: true }, named), enough(3));
  copyFileSync(authoritiesFile, join(credentialsDirectory, 'ca.crt'));
  await readUntil(items(byName, { credentialsDirectory }, named), enough(3));
  await rejectsWith('CameraUntrusted', items(web.url('/'), { credentialsDirectory }));
  assert.equal(web.requests.length, 2);
});

test('an address that is no web server, or says nothing: a sentence in time', async (context) => {
  const web = await serveWeb(context, () => undefined);
  const mute = httpCamera({ url: web.url('/'), transport: 'tcp' }, anywhere, { connectSeconds: 0.3 });
  await rejectsWith('CameraUnreachable', mute.read(never));
});
