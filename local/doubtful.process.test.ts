/** What makes counts doubtful is said by the command: pictures that say nothing, and lines that nobody can cross. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clip, launch, stream, Workplace } from './fixtures/workplace.ts';

let place: Workplace;
before(() => {
  place = new Workplace();
});
after(() => place.remove());

interface Doubtful {
  readonly streams: readonly { doubtfulSeconds: number; findings: readonly { type: string; reason: string }[] }[];
}

/** Ten pictures a second of half a minute, filtered; coded as a camera of little bandwidth does. */
function film(name: string, input: readonly string[], filter: string): string {
  const coding = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-b:v', '150k', '-pix_fmt', 'yuv420p'];
  place.ffmpeg(...input, '-vf', filter, '-t', '28', ...coding, name);
  return name;
}
const still = ['-ss', '1', '-i', clip];
/** The first picture for ever. */
const LOOP = 'fps=10,trim=end_frame=1,loop=-1:1,setpts=N/10/TB,fps=10';
const flat = (colour: string) => ['-f', 'lavfi', '-i', `color=${colour}:size=768x432:rate=10`];

const films: readonly [name: string, input: readonly string[], filter: string, reasons: readonly string[]][] = [
  ['frozen.mp4', still, LOOP, ['PictureFrozen']],
  ['black.mp4', flat('black'), 'null', ['PictureBlack']],
  ['white.mp4', flat('white'), 'null', ['PictureWhite']],
  ['covered.mp4', flat('0x805030'), 'noise=alls=4:allf=t', ['PictureCovered']],
  ['unfocused.mp4', ['-stream_loop', '-1', '-i', clip], 'fps=10,gblur=sigma=20', ['PictureOutOfFocus']],
  ['night.mp4', still, `${LOOP},eq=brightness=-0.35:contrast=0.4,noise=alls=8:allf=t`, []],
  ['dark-noise.mp4', flat('0x181818'), 'noise=alls=20:allf=t', []],
  ['flicker.mp4', still, `${LOOP},eq=brightness='if(lt(mod(n,13),6),-0.8,0)':eval=frame,noise=alls=3:allf=t`, []],
];
for (const [name, input, filter, reasons] of films) {
  test(`the picture of ${name}`, async () => {
    const file = place.write(`${name}.yaml`, stream('door', { url: film(name, input, filter) }));
    const { code, stdout, stderr } = await launch(['count', '--quiet', '--output', 'json', file]);
    const { doubtfulSeconds, findings } = (JSON.parse(stdout) as Doubtful).streams[0]!;
    assert.equal(code, 0, stderr);
    const ofPicture = findings.filter(({ type }) => type === 'PictureUsable');
    assert.deepEqual(
      ofPicture.map(({ reason }) => reason),
      reasons,
    );
    if (reasons.length === 0) return assert.equal(doubtfulSeconds, 0);
    assert.ok(doubtfulSeconds >= 20, String(doubtfulSeconds));
    assert.match(stderr, /door: The picture .* for \d+ s: nobody can be counted in it\./);
  });
}

test('too few pictures to see anybody are a failure; with somebody counted they are a doubt', async () => {
  const slow = ['-f', 'lavfi', '-i', 'color=0x606060:size=768x432:rate=1'];
  place.ffmpeg(...slow, '-vf', 'noise=alls=20:allf=t', '-t', '28', '-c:v', 'libx264', '-pix_fmt', 'yuv420p', 'slow.mp4');
  const empty = place.write('empty.yaml', stream('hall', { url: 'slow.mp4' }));
  const nobody = await launch(['count', '--quiet', '--output', 'json', empty]);
  assert.equal(nobody.code, 1, nobody.stderr);
  assert.match(nobody.stderr, /hall: Nobody was counted, but too few pictures were analysed/);
  assert.match(nobody.stderr, /hall: At 1\.0 pictures a second people are missed/);
  const busy = place.write('busy.yaml', stream('door', { url: clip, more: ', detection: {framesPerSecond: 2}' }));
  const some = await launch(['count', '--quiet', '--output', 'json', busy]);
  assert.equal(some.code, 0, some.stderr);
  assert.match(some.stderr, /Set detection\.framesPerSecond, which is 2, to 3 or more\./);
});
