/** Bad input that shows once processes run: each stream has its own sentence, and the others are counted. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { withoutFfmpeg } from '../hack/machine/ffmpeg.ts';
import { assertClear, call, launch, part, resultOf, stream, Workplace } from './fixtures/workplace.ts';

let place: Workplace;
before(() => {
  place = new Workplace();
  place.makeShortClip();
  place.copyModels('wrong-shape', (manifest) => manifest.replace('"dets"', '"boxes_that_are_not_there"'));
});
after(() => place.remove());

/** Command lines and environments that name a path: children of the run that outlived it. */
function processesNaming(path: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter((pid) => ['cmdline', 'environ'].some((file) => readProc(pid, file).includes(path)));
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

test('each file that is no video is named, the other stream is counted, and nothing is left behind', async () => {
  place.write('empty.mp4', '');
  place.write('text.mp4', 'this is not a video\n');
  place.ffmpeg('-f', 'lavfi', '-i', 'sine=d=1', 'audio.wav');
  const faults = {
    nothing: { url: 'nothing.mp4', reason: 'FileMissing', says: /There is no file .*nothing\.mp4/ },
    text: { url: 'text.mp4', reason: 'NotAVideo', says: /text\.mp4 is not a video/ },
    empty: { url: 'empty.mp4', reason: 'FileEmpty', says: /empty\.mp4 is empty/ },
    audio: { url: 'audio.wav', reason: 'NoVideoStream', says: /audio\.wav has no video/ },
  };
  const temporary = place.path('temporary');
  mkdirSync(temporary);
  const bad = Object.entries(faults).map(([name, { url }]) => stream(name, { url }));
  const file = place.write('files.yaml', [...bad, stream('good')].join('---\n'));
  const ran = await launch(['count', '--quiet', file, '--output', 'json'], { TMPDIR: temporary, HOME: temporary });
  assert.equal(ran.code, 2, ran.stderr);
  const streams = Object.fromEntries(resultOf(ran).streams.map((result) => [result.name, result]));
  for (const [name, { reason, says }] of Object.entries(faults)) {
    assert.equal(streams[name]?.failure?.reason, reason);
    assert.match(streams[name]?.failure?.sentence ?? '', says);
    assert.match(ran.stderr, says);
  }
  assert.deepEqual([streams['good']?.in, streams['good']?.failure], [1, undefined]);
  assertClear(ran, bad.length);
  assert.deepEqual(readdirSync(temporary), []);
  // Others run at the same time: this one's processes are known by their temporary folder.
  assert.deepEqual(processesNaming(temporary), []);
});

const skip = withoutFfmpeg('RTSP by way of the concat demuxer');
test('a file that is cut short and cameras that do not answer have failed, and the table says so', { skip }, async () => {
  place.ffmpeg(...part, '-c', 'copy', '-movflags', '+faststart', 'cut.mp4');
  truncateSync(place.path('cut.mp4'), statSync(place.path('cut.mp4')).size / 2);
  const file = place.write(
    'failing.yaml',
    [
      stream('cut', { url: 'cut.mp4' }),
      stream('unknown', { url: 'rtsp://no-such-host.invalid/x' }),
      stream('closed', { url: 'rtsp://127.0.0.1:1/x' }),
      stream('good'),
    ].join('---\n'),
  );
  const ran = await launch(['count', '--quiet', file]);
  assert.equal(ran.code, 1, ran.stderr);
  assert.match(ran.stderr, /cut\.mp4 is cut short/);
  assert.match(ran.stderr, /no-such-host\.invalid/);
  assert.match(ran.stderr, /127\.0\.0\.1:1.*refused/);
  assert.match(ran.stdout, /cut +\d +0 +\d +False +\S+ +FileCutShort/);
  assert.match(ran.stdout, /unknown +0 +0 +0 +False +\S+ +CameraUnreachable/);
  assert.match(ran.stdout, /closed +0 +0 +0 +False +\S+ +CameraUnreachable/);
  assert.match(ran.stdout, /good +1 +0 +1 +True/);
});

const unusable: readonly [string, () => string[], RegExp][] = [
  ['a model with other outputs', () => ['--models', place.path('wrong-shape')], /boxes_that_are_not_there/],
  ['an execution provider that is not there', () => ['--provider', 'cuda'], /cuda/i],
];
for (const [name, args, says] of unusable) {
  test(name, async () => {
    const ran = await call('count', '--quiet', place.write('model.yaml', stream('x')), ...args());
    assert.match(ran.stderr, says);
    assert.equal(ran.code, 2, ran.stderr);
    assertClear(ran, 2);
  });
}
