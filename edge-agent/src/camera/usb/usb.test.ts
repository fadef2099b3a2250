/** A camera at this machine. Tests of the video need one, at /dev/video0. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { makeFolder, never, readUntil, rejectsWith } from '../../fixtures/rtsp.ts';
import { usbCamera, usbJob } from './usb.ts';

const folder = makeFolder();
const camera = (url: string) => usbCamera({ url, transport: 'tcp' }, undefined, { connectSeconds: 5 });

test('ffmpeg is asked for what the camera has encoded, and opens nothing but the device', () => {
  const { inputOptions, input } = usbJob('/dev/video0', 'h264');
  assert.equal(input, '/dev/video0');
  assert.match(inputOptions.join(' '), /-f video4linux2 -input_format h264 .*-protocol_whitelist file/);
});

suite('a device', () => {
  test('that is not there: CameraUnreachable', async () => {
    await rejectsWith('CameraUnreachable', camera('/dev/video987').read(never));
  });

  test('that is a file: NotAVideo', async () => {
    const path = join(folder, 'video0');
    writeFileSync(path, 'no device');
    await rejectsWith('NotAVideo', camera(path).read(never));
  });

  test('that is no camera: NotAVideo', async () => {
    await rejectsWith('NotAVideo', camera('/dev/null').read(never));
  });

  test('that is a camera gives its access units', { skip: existsSync('/dev/video0') ? false : 'needs a camera' }, async () => {
    const items = await readUntil(camera('/dev/video0').read(never), (_, count) => count > 10);
    assert.equal(items[0]?.kind, 'codec');
  });
});
