/** Local mode as its user meets it: the command and files in; counts, events and exit code out. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { withoutFfmpeg } from '../hack/machine/ffmpeg.ts';
import { until } from '../hack/machine/until.ts';
import { packagedFfmpeg } from './ffmpeg.ts';
import { clip, launch, part, resultOf, stream, Workplace } from './fixtures/workplace.ts';

let place: Workplace;
before(() => {
  place = new Workplace();
  place.makeShortClip();
});
after(() => place.remove());

const UID = /"id":"([0-9a-f]+)\//g;
const count = (...args: string[]) => launch(['count', '--quiet', ...args]);

suite('counting', () => {
  test('the demo, on a machine without ffmpeg: six in, six out, never more than one inside', async () => {
    mkdirSync(place.path('no-programs'));
    const lacking = { PATH: place.path('no-programs'), FFMPEG_PATH: undefined, FFMPEG_ALLOW_OLD: undefined };
    const isPackaged = (await packagedFfmpeg()) !== undefined;
    const ran = await launch(['demo', '--quiet', '--events', place.path('sample.jsonl'), '--output', 'json'], isPackaged ? lacking : {});
    assert.equal(ran.code, 0, ran.stderr);
    if (isPackaged) assert.match(ran.stderr, /^Using ffmpeg \S+, which npm brings, because there is none on PATH; .*\n$/);
    const { in: entered, out, inside, frames, gaps } = resultOf(ran).streams[0]!;
    assert.deepEqual({ entered, out, inside, frames, gaps }, { entered: 6, out: 6, inside: 0, frames: 1394, gaps: 0 });
    const events = place
      .read('sample.jsonl')
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
    const one = place.write('one.yaml', stream('a'));
    const names = ['a', 'b', 'c', 'd'];
    const together = place.write('four.yaml', names.map((name) => stream(name)).join('---\n'));
    const runs = [
      await count(one, '--events', place.path('one.jsonl')),
      await count(one, '--events', place.path('again.jsonl'), '--workers', '1'),
      await count(together, '--events', place.path('four.jsonl'), '--workers', '2'),
    ];
    assert.deepEqual(
      runs.map(({ code }) => code),
      [0, 0, 0],
    );
    const expected = place.read('one.jsonl');
    assert.ok(expected.length > 0);
    assert.equal(place.read('again.jsonl'), expected);
    // Each stream has a uid of its own; all else is that of the one counted alone.
    const four = place.read('four.jsonl');
    const uids = new Set([...four.matchAll(UID)].map(([, uid]) => uid));
    assert.equal(uids.size, names.length);
    const alone = (name: string) => expected.replaceAll('"stream":"a"', `"stream":"${name}"`).replaceAll(UID, '"id":"/');
    assert.equal(four.replaceAll(UID, '"id":"/'), names.map(alone).join(''));
  });

  test('an event is in the file while counting goes on, with the time of the clock where the source has one', async () => {
    const file = place.write('live.yaml', stream('live', { url: 'short.mp4, realtime: true' }));
    let over = false;
    const counting = count(file, '--events', place.path('live.jsonl')).finally(() => (over = true));
    const lines = () => place.read('live.jsonl').split('\n').slice(0, -1);
    await until(() => Promise.resolve(over || (existsSync(place.path('live.jsonl')) && lines().length > 0)), 60);
    assert.ok(!over, 'before the end');
    const { type, number, at } = JSON.parse(lines()[0]!) as { type: string; number: number; at: string };
    assert.deepEqual([type, number], ['crossing', 1]);
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000, at);
    assert.equal((await counting).code, 0);
    assert.equal(lines().length, 1);
  });

  test('of whatever ffmpeg reads: H.265, MJPEG, MPEG-4, uneven frame times', { skip: withoutFfmpeg('-fps_mode') }, async () => {
    place.ffmpeg(...part, '-c:v', 'mjpeg', '-q:v', '4', 'motion.avi');
    place.ffmpeg(...part, '-c:v', 'libx265', '-x265-params', 'log-level=none', '-bf', '3', 'modern.mkv');
    place.ffmpeg(...part, '-c:v', 'mpeg4', '-q:v', '4', 'old.avi');
    place.ffmpeg(...part, '-vf', "select='mod(n,7)'", '-fps_mode', 'vfr', '-c:v', 'libx264', '-bf', '2', 'uneven.mp4');
    const names = ['motion.avi', 'modern.mkv', 'old.avi', 'uneven.mp4'];
    const file = place.write('codecs.yaml', names.map((url) => stream(url.split('.')[0]!, { url })).join('---\n'));
    const ran = await count(file, '--output', 'json');
    assert.equal(ran.code, 0, ran.stderr);
    for (const { name, in: entered, frames } of resultOf(ran).streams) {
      assert.equal(entered, 1, name);
      assert.equal(frames, name === 'uneven' ? 51 : 60, name);
    }
  });

  test('with a kept ledger continues from its counts, and declares the time between', async () => {
    const file = place.write('kept.yaml', stream('kept', { url: 'kept.mp4' }));
    copyFileSync(place.path('short.mp4'), place.path('kept.mp4'));
    await count(file, '--ledger', place.path('ledger'), '--output', 'json');
    // The next day's video.
    copyFileSync(place.path('short.mp4'), place.path('kept.mp4'));
    const again = await count(file, '--ledger', place.path('ledger'), '--output', 'json');
    const [result] = resultOf(again).streams;
    assert.deepEqual([result?.in, result?.gaps], [2, 1]);
  });

  test('of a file played in real time takes its time', async () => {
    place.ffmpeg('-t', '3', '-i', clip, '-c', 'copy', 'brief.mp4');
    const file = place.write('realtime.yaml', stream('slow', { url: 'brief.mp4, realtime: true' }));
    const started = performance.now();
    const ran = await count(file, '--output', 'json');
    assert.equal(ran.code, 0, ran.stderr);
    assert.ok(performance.now() - started > 2900);
    assert.equal(resultOf(ran).streams[0]!.frames, 31);
  });
});
