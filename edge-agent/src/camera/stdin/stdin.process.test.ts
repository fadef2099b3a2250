/** Video on standard input, from real streams. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import { CLIP, makeFolder, never, rejectsWith } from '../../fixtures/rtsp.ts';
import { fileCamera } from '../file/file.ts';
import { stdinCamera } from './stdin.ts';

const folder = makeFolder();
const source = { url: '-', transport: 'tcp' } as const;

suite('video on standard input', () => {
  for (const ending of ['ts', 'mkv', 'flv'])
    test(`gives what the same file would, and ends: ${ending}`, async () => {
      const path = join(folder, `clip.${ending}`);
      execFileSync('ffmpeg', ['-v', 'error', '-i', CLIP, '-c', 'copy', path]);
      const camera = stdinCamera(source, undefined, createReadStream(path));
      const items = await Array.fromAsync(camera.read(never));
      assert.deepEqual(items, await Array.fromAsync(fileCamera({ url: path }).read(never)));
      assert.ok(items.length > 1000);
      assert.equal(camera.verdict?.(), undefined);
    });

  test('that breaks off within a picture is read up to there, and its end is known for damage', async () => {
    const path = join(folder, 'cut.mkv');
    execFileSync('ffmpeg', ['-v', 'error', '-i', CLIP, '-c', 'copy', path]);
    const bytes = readFileSync(path);
    const camera = stdinCamera(source, undefined, Readable.from([bytes.subarray(0, bytes.length / 2)]));
    const items = await Array.fromAsync(camera.read(never));
    assert.ok(items.length > 500);
    assert.equal(camera.verdict?.()?.reason, 'FileCutShort');
  });

  test('of which there is nothing: InputMissing; that is something else: NotAVideo; that is read again: InputMissing', async () => {
    await rejectsWith('InputMissing', stdinCamera(source, undefined, Readable.from([])).read(never));
    const text = stdinCamera(source, undefined, Readable.from([Buffer.from('#EXTM3U\nfile:///etc/passwd\n')]));
    await rejectsWith('NotAVideo', text.read(never));
    await rejectsWith('InputMissing', text.read(never));
  });

  test('that stays open without a byte is left by the signal, with its reason', async () => {
    const stop = new AbortController();
    const camera = stdinCamera(source, undefined, new Readable({ read: () => undefined }));
    setTimeout(() => stop.abort(new Error('enough')), 100);
    await assert.rejects(Array.fromAsync(camera.read(stop.signal)), /enough/);
  });
});
