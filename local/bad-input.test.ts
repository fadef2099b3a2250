/** Bad input gets one clear sentence. What can be judged without processes is judged in this one; three runs are whole. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, suite, test } from 'node:test';
import { withoutFfmpeg } from '../hack/machine/ffmpeg.ts';
import { call, launch, part, type Ran, resultOf, stream, Workplace } from './fixtures/workplace.ts';

const models = join(import.meta.dirname, '../models');

let place: Workplace;
before(() => {
  place = new Workplace();
  place.makeShortClip();
  mkdirSync(place.path('no-models'));
  copyModels('wrong-sum', (manifest) => manifest.replace(/("sha256": ")[0-9a-f]{8}/, '$100000000'));
  copyModels('wrong-shape', (manifest) => manifest.replace('"dets"', '"boxes_that_are_not_there"'));
});
after(() => place.remove());

function copyModels(name: string, change: (manifest: string) => string): void {
  cpSync(models, place.path(name), { recursive: true });
  const manifest = place.path(`${name}/rtmdet-nano-person/model.json`);
  writeFileSync(manifest, change(readFileSync(manifest, 'utf8')));
}

function assertClear({ stderr }: Ran, lines: number): void {
  assert.doesNotMatch(stderr, /^\s+at /m, 'no stack trace');
  // Where there is no current ffmpeg, one more sentence says so.
  const sentences = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('Using ffmpeg '));
  assert.ok(sentences.length <= lines, stderr);
}

interface Case {
  readonly name: string;
  readonly yaml?: string;
  readonly args?: () => string[];
  readonly ffmpeg?: string;
  /** Default 2. */
  readonly code?: number;
  /** What the one sentence must say. */
  readonly says: RegExp;
}

suite('before anything starts', () => {
  const cases: readonly Case[] = [
    { name: 'YAML that is none', yaml: 'spec: [1, 2\n', says: /bad\.yaml, document 1 \(line \d+\)/ },
    { name: 'an unknown field', yaml: stream('x', { more: ', colour: red' }), says: /spec\.colour/ },
    {
      name: 'a coordinate out of range',
      yaml: stream('x').replace('570', '1570'),
      says: /spec\.lines\[0\]\.from\.x must be a whole number from 0 to 1000, found 1570/,
    },
    { name: 'two streams of one name', yaml: `${stream('x')}---\n${stream('x')}`, says: /document 2.*metadata\.name/ },
    {
      name: 'two lines of one name',
      yaml: stream('x').replace('lines: [', 'lines: [{name: entrance, from: {x: 1, y: 1}, to: {x: 9, y: 9}}, '),
      says: /spec\.lines\[1\]\.name/,
    },
    { name: 'a line of no length', yaml: stream('x').replace('{x: 320, y: 580}', '{x: 570, y: 1000}'), says: /spec\.lines\[0\]/ },
    { name: 'no such model', yaml: stream('x', { more: ', detection: {model: my-own}' }), says: /detection\.model .*my-own/ },
    { name: 'no models at all', args: () => ['--models', place.path('no-models')], says: /no-models.*rtmdet-nano-person/ },
    { name: 'a model with another checksum', args: () => ['--models', place.path('wrong-sum')], says: /sha256/ },
    { name: 'no ffmpeg', ffmpeg: '/nowhere/ffmpeg', code: 1, says: /ffmpeg 5\.1 or later/ },
    { name: 'an unknown option', args: () => ['--colour'], says: /--colour/ },
    {
      name: 'an option with a wrong value',
      args: () => ['--output', 'xml'],
      says: /--output must be one of table, json, found xml/,
    },
    { name: 'a folder for events that is not there', args: () => ['--events', place.path('nowhere/e.jsonl')], says: /nowhere/ },
    { name: 'a descriptor for events', args: () => ['--events', '/dev/stdout'], says: /--events \/dev\/stdout .* name a file, or a pipe/ },
    { name: 'a YAML file that is not there', args: () => [place.path('nothing.yaml')], says: /nothing\.yaml/ },
  ];
  for (const [index, { name, yaml = stream('x'), args = () => [], ffmpeg, code = 2, says }] of cases.entries()) {
    test(name, async (context) => {
      if (ffmpeg !== undefined) setVariable('FFMPEG_PATH', ffmpeg, (undo) => context.after(undo));
      const ran = await call('count', '--quiet', place.write(`${index}-bad.yaml`, yaml), ...args());
      assert.match(ran.stderr, says);
      assert.equal(ran.code, code, ran.stderr);
      assertClear(ran, 1);
    });
  }

  test('events of another ledger, and no folder is left behind', async (context) => {
    const temporary = place.path('untouched');
    mkdirSync(temporary);
    setVariable('TMPDIR', temporary, (undo) => context.after(undo));
    const uid = createHash('sha256').update('default/x').digest('hex').slice(0, 32);
    const events = place.write('foreign.jsonl', `${JSON.stringify({ id: `${uid}/crossing/7` })}\n`);
    const ran = await call('count', '--quiet', place.write('x.yaml', stream('x')), '--ledger', place.path('fresh'), '--events', events);
    assert.match(ran.stderr, /foreign\.jsonl has crossing 7 of x, but the ledger counts 0: it belongs to another ledger/);
    assert.equal(ran.code, 2);
    assertClear(ran, 1);
    assert.deepEqual(readdirSync(temporary), []);
  });
});

function setVariable(name: string, value: string, later: (undo: () => void) => void): void {
  const former = process.env[name];
  process.env[name] = value;
  later(() => {
    if (former === undefined) delete process.env[name];
    else process.env[name] = former;
  });
}

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

suite('once processes run', () => {
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
});
