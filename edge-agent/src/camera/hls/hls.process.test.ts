/** Playlists that end, mislead or stop, from a real web server. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { anywhere, CLIP, makeFolder, never, PASSWORD, rejectsWith, writeCredentials } from '../../fixtures/rtsp.ts';
import { FirstIsAllowed, serveWeb } from '../../fixtures/web.ts';
import { fileCamera } from '../file/file.ts';
import { hlsCamera } from './hls.ts';

const folder = makeFolder();
execFileSync('ffmpeg', [
  '-v',
  'error',
  '-t',
  '12',
  '-i',
  CLIP,
  '-c',
  'copy',
  '-f',
  'segment',
  '-segment_time',
  '1',
  join(folder, '%02d.ts'),
]);
const segments = readdirSync(folder)
  .filter((name) => name.endsWith('.ts'))
  .toSorted();

const playlist = (from: number, count: number, end = '', base = '') =>
  [
    '#EXTM3U',
    '#EXT-X-TARGETDURATION:1',
    `#EXT-X-MEDIA-SEQUENCE:${from}`,
    ...segments.slice(from, from + count).flatMap((name) => ['#EXTINF:1,', base + name]),
    end,
    '',
  ].join('\n');

const camera = (url: string, credentialsDirectory?: string, guard = anywhere) =>
  hlsCamera({ url, transport: 'tcp', credentialsDirectory }, guard, { connectSeconds: 5, silenceSeconds: 10 });

test('is read from its newest segments to its end, each segment once', async (context) => {
  let [from, asked] = [0, 0];
  const web = await serveWeb(context, ({ url }, response) => {
    if (url !== '/live.m3u8') {
      response.end(readFileSync(join(folder, url!.slice(1))));
      return;
    }
    asked += 1;
    // Each playlist is shown twice, as to a client that asks too early.
    from = Math.min(segments.length - 3, Math.floor(asked / 2));
    response.end(playlist(from, 3, from === segments.length - 3 ? '#EXT-X-ENDLIST' : ''));
  });
  const items = await Array.fromAsync(camera(web.url('/live.m3u8')).read(never));
  const got = web.requests.map(({ url }) => url!.slice(1)).filter((name) => name.endsWith('.ts'));
  assert.deepEqual(got, segments.slice(1));
  const joined = join(folder, 'joined.mpegts');
  execFileSync('sh', ['-c', `cat ${got.map((name) => join(folder, name)).join(' ')} > ${joined}`]);
  const expected = await Array.fromAsync(fileCamera({ url: joined }).read(never));
  assert.equal(items.length, expected.length);
});

test('that is a recording is not read as if it were live: NotLive', async (context) => {
  const web = await serveWeb(context, (_, response) => void response.end(playlist(0, 5, '#EXT-X-ENDLIST')));
  await rejectsWith('NotLive', camera(web.url('/clip.m3u8')).read(never));
});

test('that stops to grow: CameraSilent; of which segments are gone: CameraLost', async (context) => {
  const stopped = await serveWeb(
    context,
    ({ url }, response) => void response.end(url === '/live.m3u8' ? playlist(0, 3) : readFileSync(join(folder, url!.slice(1)))),
  );
  await rejectsWith('CameraSilent', camera(stopped.url('/live.m3u8')).read(never), () => false);
  let asked = 0;
  const jumping = await serveWeb(context, ({ url }, response) => {
    if (url !== '/live.m3u8') {
      response.end(readFileSync(join(folder, url!.slice(1))));
      return;
    }
    asked += 1;
    response.end(playlist(asked > 1 ? 7 : 0, 3));
  });
  await rejectsWith('CameraLost', camera(jumping.url('/live.m3u8')).read(never), () => false);
});

test('whose playlist leads where cameras may not be, or to files, is not followed: CameraForbidden', async (context) => {
  const master = (target: string) => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${target}\n`;
  for (const body of [
    playlist(0, 3, '', 'http://169.254.169.254/'),
    playlist(0, 3, '', 'http://10.96.0.1/'),
    playlist(0, 3, '', 'file:///etc/'),
    master('http://10.96.0.1/a.m3u8'),
  ]) {
    const web = await serveWeb(context, (_, response) => void response.end(body));
    await rejectsWith('CameraForbidden', camera(web.url('/live.m3u8'), undefined, new FirstIsAllowed(web.url('/'))).read(never));
    assert.equal(web.requests.length, 1);
  }
});

test('a login is for the host of the playlist, and for no other that it names', async (context) => {
  const other = await serveWeb(context, ({ url }, response) => void response.end(readFileSync(join(folder, url!.slice(1)))));
  const web = await serveWeb(context, ({ headers }, response) => {
    if (headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else response.end(playlist(0, 3, '', other.url('/')));
  });
  await rejectsWith('CameraSilent', camera(web.url('/live.m3u8'), writeCredentials(folder, PASSWORD)).read(never), () => false);
  assert.ok(other.requests.length > 0);
  assert.ok(other.requests.every(({ headers }) => headers.authorization === undefined));
});

test('that has no end, or is none: a sentence', async (context) => {
  const web = await serveWeb(context, ({ url }, response) => {
    response.write(url === '/page.m3u8' ? '<html>' : Buffer.alloc(2_000_000, '#EXTM3U\n'));
    response.end();
  });
  for (const path of ['/page.m3u8', '/long.m3u8']) await rejectsWith('ReaderFailed', camera(web.url(path)).read(never));
});
