/** Local mode as its user meets it: the command, files in, exit code and sentences out. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';

const root = join(import.meta.dirname, '..');
const clip = join(root, 'hack/samples/one-by-one/one-by-one-person-detection.mp4');
const sample = join(root, 'crds/samples/valid-one-by-one.yaml');
/** Of the clip: somebody comes in, and nothing else. */
const part = ['-ss', '4', '-t', '6', '-i', clip];
const entrance = 'lines: [{name: entrance, from: {x: 570, y: 1000}, to: {x: 320, y: 580}}]';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'footfall-count-'));
  ffmpeg(...part, '-c', 'copy', 'short.mp4');
});
after(() => rmSync(folder, { recursive: true }));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function count(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [join(root, 'local/count.ts'), '--quiet', ...args], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...args], { cwd: folder });
}

interface StreamOptions {
  readonly url?: string;
  readonly more?: string;
}

function stream(name: string, { url = 'short.mp4', more = '' }: StreamOptions = {}): string {
  return `apiVersion: footfall.dev/v1alpha1
kind: CameraStream
metadata: {name: ${name}}
spec: {source: {url: ${url}}, ${entrance}${more}}
`;
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const read = (name: string) => readFileSync(join(folder, name), 'utf8');

interface Result {
  streams: { name: string; in: number; out: number; inside: number; frames: number; gaps: number; failure?: { reason: string } }[];
}
const resultOf = ({ stdout }: Ran) => JSON.parse(stdout.trim().split('\n').at(-1)!) as Result;

suite('counting', () => {
  test('the shipped clip: six in, six out, never more than one inside', async () => {
    const ran = await count([sample, '--events', 'sample.jsonl', '--output', 'json']);
    assert.equal(ran.code, 0, ran.stderr);
    const { in: entered, out, inside, frames, gaps } = resultOf(ran).streams[0]!;
    assert.deepEqual({ entered, out, inside, frames, gaps }, { entered: 6, out: 6, inside: 0, frames: 1394, gaps: 0 });
    const events = read('sample.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { direction: string; time: number; frame: number });
    let now = 0;
    for (const { direction } of events) {
      now += direction === 'in' ? 1 : -1;
      assert.ok(now === 0 || now === 1, 'one person at a time');
    }
    for (const { time, frame } of events) assert.equal(frame, Math.round(time * 10) + 1, 'frames are counted from 1 at 10 a second');
  });

  test('the same input gives the same bytes: twice, alone or four at once, one worker or two', async () => {
    const one = write('one.yaml', stream('a'));
    const four = write('four.yaml', ['a', 'b', 'c', 'd'].map((name) => stream(name)).join('---\n'));
    const runs = [
      await count([one, '--events', 'one.jsonl']),
      await count([one, '--events', 'again.jsonl', '--workers', '1']),
      await count([four, '--events', 'four.jsonl', '--workers', '2']),
      await count([four, '--events', 'again-four.jsonl', '--workers', '2']),
    ];
    assert.deepEqual(
      runs.map(({ code }) => code),
      [0, 0, 0, 0],
    );
    const expected = read('one.jsonl');
    assert.ok(expected.length > 0);
    assert.equal(read('again.jsonl'), expected);
    assert.equal(read('again-four.jsonl'), read('four.jsonl'));
    for (const name of ['a', 'b', 'c', 'd']) {
      const lines = read('four.jsonl')
        .split('\n')
        .filter((line) => line.includes(`"stream":"${name}"`));
      assert.equal(lines.map((line) => `${line}\n`).join(''), expected.replaceAll('"stream":"a"', `"stream":"${name}"`));
    }
  });

  test('whatever ffmpeg reads from files: H.265, MJPEG, MPEG-4, variable frame times', async () => {
    ffmpeg(...part, '-c:v', 'mjpeg', '-q:v', '4', 'motion.avi');
    ffmpeg(...part, '-c:v', 'libx265', '-x265-params', 'log-level=none', '-bf', '3', 'modern.mkv');
    ffmpeg(...part, '-c:v', 'mpeg4', '-q:v', '4', 'old.avi');
    ffmpeg(...part, '-vf', "select='mod(n,7)'", '-fps_mode', 'vfr', '-c:v', 'libx264', '-bf', '2', 'uneven.mp4');
    const names = ['motion.avi', 'modern.mkv', 'old.avi', 'uneven.mp4'];
    const file = write('codecs.yaml', names.map((url) => stream(url.split('.')[0]!, { url })).join('---\n'));
    const ran = await count([file, '--output', 'json']);
    assert.equal(ran.code, 0, ran.stderr);
    for (const { name, in: entered, frames } of resultOf(ran).streams) {
      assert.equal(entered, 1, name);
      assert.equal(frames, name === 'uneven' ? 51 : 60, name);
    }
  });

  test('a kept ledger goes on from its counts, and declares the time between', async () => {
    const file = write('kept.yaml', stream('kept'));
    await count([file, '--ledger', 'ledger', '--output', 'json']);
    const again = await count([file, '--ledger', 'ledger', '--output', 'json']);
    const [result] = resultOf(again).streams;
    assert.deepEqual([result?.in, result?.gaps], [2, 1]);
  });

  test('a file played in real time takes its time', async () => {
    ffmpeg('-t', '3', '-i', clip, '-c', 'copy', 'brief.mp4');
    const file = write('realtime.yaml', stream('slow').replace('short.mp4', 'brief.mp4, realtime: true'));
    const started = performance.now();
    const ran = await count([file, '--output', 'json']);
    assert.equal(ran.code, 0, ran.stderr);
    assert.ok(performance.now() - started > 2900);
    assert.equal(resultOf(ran).streams[0]!.frames, 31);
  });
});

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

/** Each: what is wrong, the exit code, and what the one sentence must say. */
suite('bad input gets one clear sentence', { concurrency: 2 }, () => {
  before(() => {
    write('empty.mp4', '');
    write('text.mp4', 'this is not a video\n');
    ffmpeg('-f', 'lavfi', '-i', 'sine=d=1', 'audio.wav');
    cpSync(clip, join(folder, 'cut.mp4'));
    truncateSync(join(folder, 'cut.mp4'), 600_000);
    mkdirSync(join(folder, 'no-models'));
    cpSync(join(root, 'models'), join(folder, 'wrong-sum'), { recursive: true });
    const manifest = join(folder, 'wrong-sum/rtmdet-nano-person/model.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/("sha256": ")[0-9a-f]{8}/, '$100000000'));
    cpSync(join(root, 'models'), join(folder, 'wrong-shape'), { recursive: true });
    const shape = join(folder, 'wrong-shape/rtmdet-nano-person/model.json');
    writeFileSync(shape, readFileSync(shape, 'utf8').replace('"dets"', '"boxes_that_are_not_there"'));
  });

  const cases: { name: string; yaml?: string; args?: string[]; env?: Record<string, string>; code: number; says: RegExp }[] = [
    { name: 'no such file', yaml: stream('x', { url: 'nothing.mp4' }), code: 2, says: /There is no file .*nothing\.mp4/ },
    { name: 'not a video', yaml: stream('x', { url: 'text.mp4' }), code: 2, says: /text\.mp4 is not a video/ },
    { name: 'an empty file', yaml: stream('x', { url: 'empty.mp4' }), code: 2, says: /empty\.mp4 is empty/ },
    { name: 'no video stream', yaml: stream('x', { url: 'audio.wav' }), code: 2, says: /audio\.wav has no video/ },
    { name: 'a file cut short', yaml: stream('x', { url: 'cut.mp4' }), code: 1, says: /cut\.mp4 is cut short/ },
    {
      name: 'a host that is not there',
      yaml: stream('x', { url: 'rtsp://no-such-host.invalid/x' }),
      code: 1,
      says: /no-such-host\.invalid/,
    },
    { name: 'a port that nobody serves', yaml: stream('x', { url: 'rtsp://127.0.0.1:1/x' }), code: 1, says: /127\.0\.0\.1:1.*refused/ },
    { name: 'YAML that is none', yaml: 'spec: [1, 2\n', code: 2, says: /bad\.yaml, document 1 \(line \d+\)/ },
    { name: 'an unknown field', yaml: stream('x', { more: ', colour: red' }), code: 2, says: /spec\.colour/ },
    {
      name: 'a coordinate out of range',
      yaml: stream('x').replace('570', '1570'),
      code: 2,
      says: /spec\.lines\[0\]\.from\.x must be a whole number from 0 to 1000, found 1570/,
    },
    { name: 'two streams of one name', yaml: `${stream('x')}---\n${stream('x')}`, code: 2, says: /document 2.*metadata\.name/ },
    {
      name: 'two lines of one name',
      yaml: stream('x').replace('lines: [', 'lines: [{name: entrance, from: {x: 1, y: 1}, to: {x: 9, y: 9}}, '),
      code: 2,
      says: /spec\.lines\[1\]\.name/,
    },
    { name: 'a line of no length', yaml: stream('x').replace('{x: 320, y: 580}', '{x: 570, y: 1000}'), code: 2, says: /spec\.lines\[0\]/ },
    { name: 'no such model', yaml: stream('x', { more: ', detection: {model: my-own}' }), code: 2, says: /my-own/ },
    { name: 'no models at all', args: ['--models', 'no-models'], code: 2, says: /no-models.*rtmdet-nano-person/ },
    { name: 'a model with another checksum', args: ['--models', 'wrong-sum'], code: 2, says: /sha256/ },
    { name: 'a model with other outputs', args: ['--models', 'wrong-shape'], code: 2, says: /boxes_that_are_not_there/ },
    { name: 'no ffmpeg', env: { FFMPEG_PATH: '/nowhere/ffmpeg' }, code: 1, says: /ffmpeg 5\.1 or later/ },
    { name: 'an execution provider that is not there', args: ['--provider', 'cuda'], code: 2, says: /cuda/i },
    { name: 'an unknown option', args: ['--colour'], code: 2, says: /--colour/ },
    { name: 'an option with a wrong value', args: ['--output', 'xml'], code: 2, says: /--output must be one of table, json, found xml/ },
    { name: 'a folder for events that is not there', args: ['--events', 'nowhere/e.jsonl'], code: 2, says: /nowhere/ },
    { name: 'a YAML file that is not there', args: ['nothing.yaml'], code: 2, says: /nothing\.yaml/ },
  ];
  for (const [index, { name, yaml = stream('x'), args = [], env = {}, code, says }] of cases.entries()) {
    test(name, async () => {
      const ran = await count([write(`${index}-bad.yaml`, yaml), ...args], env);
      assert.match(ran.stderr, says);
      assert.equal(ran.code, code, ran.stderr);
      assert.doesNotMatch(ran.stderr, /^\s+at /m, 'no stack trace');
      assert.ok(ran.stderr.trim().split('\n').length <= 2, ran.stderr);
    });
  }

  test('one stream that fails does not stop the other; exit code, table and JSON say so', async () => {
    const file = write('mixed.yaml', `${stream('bad', { url: 'text.mp4' })}---\n${stream('good')}`);
    const json = await count([file, '--output', 'json']);
    assert.equal(json.code, 2);
    const [bad, good] = resultOf(json).streams;
    assert.ok(bad?.failure?.reason);
    assert.deepEqual([good?.in, good?.failure], [1, undefined]);
    const table = await count([file]);
    assert.match(table.stdout, /bad +0 +0 +0 +False/);
    assert.match(table.stdout, /good +1 +0 +1 +True/);
  });

  test('nothing is left behind: no ledger, no process', async () => {
    const temporary = join(folder, 'temporary');
    mkdirSync(temporary);
    const ran = await count([write('tidy.yaml', stream('tidy'))], { TMPDIR: temporary, HOME: temporary });
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(readdirSync(temporary), []);
    // Others run at the same time: this one's processes are known by their temporary folder.
    assert.deepEqual(processesNaming(temporary), []);
  });
});
