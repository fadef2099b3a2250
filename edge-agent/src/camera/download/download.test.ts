/** A recorded video at an address, from a real web server. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { anywhere, CLIP, makeFolder, never, PASSWORD, rejectsWith, USER, writeCredentials } from '../../fixtures/rtsp.ts';
import { serveWeb } from '../../fixtures/web.ts';
import type { CameraItem, CameraSource } from '../camera.ts';
import { fileCamera } from '../file/file.ts';
import { downloadCamera } from './download.ts';

const folder = makeFolder();
const VIDEO = readFileSync(CLIP);
const expected = await Array.fromAsync(fileCamera({ url: CLIP }).read(never));

const camera = (url: string, change: Partial<CameraSource> = {}) =>
  downloadCamera({ url, transport: 'tcp', directory: mkdtempSync(join(folder, 'session-')), ...change }, anywhere, {
    connectSeconds: 5,
    silenceSeconds: 1,
    wait: () => Promise.resolve(),
  });

/** As servers of files do, in pieces of a few bytes at most. @param piece after so many bytes the connection breaks. */
function sendFile({ headers }: IncomingMessage, response: ServerResponse, { bytes = VIDEO, piece = Infinity, etag = '"1"' } = {}): void {
  const from = headers['if-range'] === etag ? Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0) : 0;
  const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from, etag, ...range });
  if (bytes.length - from <= piece) response.end(bytes.subarray(from));
  else response.write(bytes.subarray(from, from + piece), () => response.destroy());
}

const same = (items: CameraItem[]) => assert.deepEqual(items, expected);

test('is read like the file that it is, though its index stands at its end, again and by a later process, too', async (context) => {
  const end = join(folder, 'index-at-the-end.mp4');
  execFileSync('ffmpeg', ['-v', 'error', '-i', CLIP, '-c', 'copy', end]);
  const bytes = readFileSync(end);
  assert.ok(bytes.indexOf('moov') > bytes.indexOf('mdat'));
  const web = await serveWeb(context, (request, response) => sendFile(request, response, { bytes }));
  const directory = mkdtempSync(join(folder, 'session-'));
  const first = camera(web.url('/clip.mp4'), { directory });
  const items = await Array.fromAsync(first.read(never));
  assert.deepEqual(items, await Array.fromAsync(fileCamera({ url: end }).read(never)));
  assert.deepEqual(await Array.fromAsync(first.read(never)), items);
  assert.deepEqual(await Array.fromAsync(camera(web.url('/clip.mp4'), { directory }).read(never)), items);
  assert.equal(web.requests.length, 1);
  assert.equal(first.verdict?.(), undefined);
});

test('whose download breaks goes on where it was', async (context) => {
  const web = await serveWeb(context, (request, response) => sendFile(request, response, { piece: Math.ceil(VIDEO.length / 4) }));
  same(await Array.fromAsync(camera(web.url('/clip.mp4')).read(never)));
  assert.ok(web.requests.length >= 4, `${web.requests.length}`);
  assert.ok(web.requests.slice(1).every(({ headers }) => headers['if-range'] === '"1"'));
});

test('that is another one after the break is downloaded from its start: nothing of two videos is mixed', async (context) => {
  let served = 0;
  const web = await serveWeb(context, (request, response) => {
    served += 1;
    if (served === 1) sendFile(request, response, { bytes: Buffer.alloc(VIDEO.length * 2, 7), piece: VIDEO.length, etag: '"old"' });
    else sendFile(request, response);
  });
  same(await Array.fromAsync(camera(web.url('/clip.mp4')).read(never)));
});

test('whose server falls silent, or breaks off without end, is given up with a sentence, and nothing is kept', async (context) => {
  const directory = mkdtempSync(join(folder, 'session-'));
  const web = await serveWeb(context, ({ url }, response) => {
    if (url === '/cut.mp4') response.writeHead(200, { 'content-length': 1000 }).flushHeaders();
    if (url === '/cut.mp4') response.destroy();
    else response.writeHead(200, { 'content-length': 1000 }).write('video');
  });
  await rejectsWith('CameraLost', camera(web.url('/cut.mp4'), { directory }).read(never));
  assert.ok(web.requests.length < 10);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name === 'download'),
    [],
  );
});

test('without a length may have no end: NotRecorded', async (context) => {
  const web = await serveWeb(context, (_, response) => void response.writeHead(200).write(VIDEO));
  await rejectsWith('NotRecorded', camera(web.url('/live.ts')).read(never));
});

test('that is larger than the room there is: NotRecorded, before it is downloaded', async (context) => {
  const web = await serveWeb(context, (_, response) => void response.writeHead(200, { 'content-length': 2 ** 50 }).write(VIDEO));
  await rejectsWith('NotRecorded', camera(web.url('/clip.mp4')).read(never));
});

test('that is no video: NotAVideo, by its address', async (context) => {
  const bytes = Buffer.from('<html>no such page</html>'.repeat(100));
  const web = await serveWeb(context, (request, response) => sendFile(request, response, { bytes }));
  await assert.rejects(Array.fromAsync(camera(web.url('/clip.mp4')).read(never)), (error: Error) => {
    assert.ok(error.message.startsWith(`${web.url('/clip.mp4')} is not a video`), error.message);
    return true;
  });
});

test('with a login', async (context) => {
  const right = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
  const web = await serveWeb(context, (request, response) => {
    if (request.headers.authorization === right) sendFile(request, response);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="videos"' }).end();
  });
  same(await Array.fromAsync(camera(web.url('/clip.mp4'), { credentialsDirectory: writeCredentials(folder, PASSWORD) }).read(never)));
  await rejectsWith('CameraUnauthorized', camera(web.url('/clip.mp4')).read(never));
});
