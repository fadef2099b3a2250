import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginningsOf, isInCluster, isLive, kindOf, schemeOf, schemesWhere, waits } from './source-kinds.ts';

test('an address has the kind of its scheme, and anything else is a file', () => {
  for (const url of ['rtsp://10.0.0.8/stream2', 'rtsps://10.0.0.8/stream2']) assert.equal(kindOf(url), 'rtsp', url);
  for (const url of ['file:///clips/hall.mp4', 'hall.mp4', '/clips/rtsp://hall.mp4', 'rtsp.mp4']) assert.equal(kindOf(url), 'file', url);
});

test('an address of the web is a recording by its ending, and live video otherwise', () => {
  for (const url of ['http://10.0.0.8/clip.mp4', 'https://videos.example:8443/a/b.MKV?x=1', 'http://h/live.ts'])
    assert.deepEqual([kindOf(url), isLive(url), isInCluster(url)], ['download', false, false], url);
  for (const url of [
    'http://10.0.0.8/video.mjpg',
    'http://h/axis-cgi/mjpg/video.cgi?resolution=640x480',
    'https://h',
    'http://h/?file=clip.mp4',
  ])
    assert.deepEqual([kindOf(url), isLive(url), isInCluster(url)], ['http', true, true], url);
  assert.deepEqual([schemeOf('http://h/')?.port, schemeOf('https://h/clip.mp4')?.port], [80, 443]);
});

test('RTMP is live video', () => {
  for (const url of ['rtmp://10.0.0.8/live/door', 'rtmps://h/live/door.mp4'])
    assert.deepEqual([kindOf(url), isLive(url), isInCluster(url)], ['rtmp', true, true], url);
  assert.deepEqual([schemeOf('rtmp://h/')?.port, schemeOf('rtmps://h/')?.port], [1935, 443]);
});

test('a camera at the machine is live video, for local mode', () => {
  assert.deepEqual([kindOf('/dev/video0'), isLive('/dev/video12'), isInCluster('/dev/video0')], ['usb', true, false]);
  for (const url of ['/dev/video', '/dev/video0.mp4', 'dev/video0']) assert.equal(kindOf(url), 'file', url);
});

test('a playlist is live video', () => {
  for (const url of ['http://10.0.0.8/live/index.m3u8', 'https://h/a.M3U8?token=1'])
    assert.deepEqual([kindOf(url), isLive(url), isInCluster(url)], ['hls', true, true], url);
});

test('standard input is live video that waits, for local mode', () => {
  for (const url of ['-', '/dev/stdin'])
    assert.deepEqual([kindOf(url), isLive(url), isInCluster(url), waits(url)], ['stdin', true, false, true], url);
  for (const url of ['./-', '-.mp4', '/dev/stdin/clip.mp4']) assert.deepEqual([kindOf(url), waits(url)], ['file', false], url);
});

test('a camera is live and can be in a cluster; a file is recorded, and for local mode', () => {
  assert.deepEqual([isLive('rtsp://10.0.0.8/'), isInCluster('rtsp://10.0.0.8/')], [true, true]);
  assert.deepEqual([isLive('hall.mp4'), isInCluster('hall.mp4')], [false, false]);
});

test('ports are those that IANA lists for RTSP', () => {
  assert.deepEqual([schemeOf('rtsp://10.0.0.8/')?.port, schemeOf('rtsps://10.0.0.8/')?.port], [554, 322]);
  assert.equal(schemeOf('hall.mp4'), undefined);
});

test('no scheme belongs to two kinds that do not tell their addresses apart', () => {
  const names = schemesWhere(({ addresses }) => addresses === undefined).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

test('a sentence lists what an address may begin with', () => {
  const schemes = schemesWhere(({ kind }) => kind === 'rtsp');
  assert.equal(beginningsOf(schemes), 'rtsp:// or rtsps://');
  assert.equal(beginningsOf(schemes, 'file:///'), 'rtsp://, rtsps:// or file:///');
  assert.equal(beginningsOf(schemes.slice(0, 1)), 'rtsp://');
});
