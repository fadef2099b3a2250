/** `footfall count` with video on its standard input. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'footfall-stdin-'));
after(() => rmSync(folder, { recursive: true }));
const CLIP = new URL('../hack/samples/one-by-one/one-by-one-person-detection.mp4', import.meta.url).pathname;
const stream = readFileSync(new URL('../examples/file.yaml', import.meta.url), 'utf8').replace(/url: .*/, 'url: "-"');

function count(input: Buffer, yaml = stream) {
  const file = join(folder, 'stream.yaml');
  writeFileSync(file, yaml);
  const main = join(import.meta.dirname, 'footfall.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'count', file, '--output', 'json', '--quiet'], {
    input,
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status, stdout, stderr };
}

test('a recording that is piped in is counted whole, and the run ends with it', () => {
  const bytes = execFileSync('ffmpeg', ['-v', 'error', '-i', CLIP, '-c', 'copy', '-f', 'mpegts', 'pipe:1'], { maxBuffer: 1e9 });
  const { status, stdout, stderr } = count(bytes);
  assert.equal(status, 0, stderr);
  const [one] = (JSON.parse(stdout) as { streams: { in: number; out: number }[] }).streams;
  assert.deepEqual([one?.in, one?.out], [6, 6]);
});

test('nothing on standard input, or two streams that want it: a sentence, and exit code 2', () => {
  const nothing = count(Buffer.alloc(0));
  assert.deepEqual([nothing.status, /There is nothing on standard input/.test(nothing.stderr)], [2, true], nothing.stderr);
  const two = count(Buffer.alloc(0), `${stream}\n---\n${stream.replace('name: clip', 'name: other')}`);
  assert.deepEqual([two.status, /clip and other name it/.test(two.stderr)], [2, true], two.stderr);
});
