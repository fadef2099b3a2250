/** RTMP from MediaMTX, to which ffmpeg publishes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Certificates, SERVER_NAME } from '../../../../hack/machine/certificates.ts';
import { RtspServer, withoutRtspServer } from '../../../../hack/machine/rtsp-server.ts';
import { anywhere, CLIP, makeFolder, never, readUntil, rejectsWith, USER, writeCredentials } from '../../fixtures/rtsp.ts';
import { Guard } from '../guard.ts';
import { rtmpCamera } from './rtmp.ts';

const folder = makeFolder();
const PASSWORD = 'p@ss/w&rd%47';
const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10', '-vf', 'scale=320:180'];

suite('a stream of an RTMP server', { skip: withoutRtspServer(), timeout: 90_000 }, () => {
  test('gives its access units, by rtmp and by rtmps with a certificate that is trusted', async (context) => {
    const certificates = await Certificates.make(join(folder, 'certificates'));
    const server = await RtspServer.start(undefined, certificates.ofCounter);
    context.after(() => server.stop());
    await server.publish(CLIP, { coding, path: 'live/door' });
    const guard = new Guard(undefined, () => Promise.resolve([{ address: '127.0.0.1' }]));
    const credentialsDirectory = mkdtempSync(join(folder, 'secret-'));
    copyFileSync(certificates.authoritiesFile, join(credentialsDirectory, 'ca.crt'));
    const secure = `rtmps://${SERVER_NAME}:${server.ports.rtmps}/live/door`;
    await rejectsWith('CameraUntrusted', rtmpCamera({ url: secure, transport: 'tcp' }, guard).read(never));
    for (const source of [{ url: `rtmp://127.0.0.1:${server.ports.rtmp}/live/door` }, { url: secure, credentialsDirectory }]) {
      const items = await readUntil(rtmpCamera({ ...source, transport: 'tcp' }, guard).read(never), (_, count) => count > 30);
      const [first, ...units] = items;
      assert.deepEqual(first?.kind === 'codec' && [first.codec.width, first.codec.height], [320, 180]);
      const times = units.map((item) => (item.kind === 'unit' ? item.unit.presentationMicros : NaN));
      assert.ok(
        times.every((time, index) => index === 0 || Math.abs(time - times[index - 1]! - 100_000) < 50_000),
        String(times),
      );
    }
  });

  test('with a login in its query is asked with it, which is in no process list', async (context) => {
    const server = await RtspServer.start({ username: USER, password: PASSWORD });
    context.after(() => server.stop());
    await server.publish(CLIP, { coding, path: 'live/door' });
    const url = `rtmp://127.0.0.1:${server.ports.rtmp}/live/door?user={username}&pass={password}`;
    const camera = (password: string, address = url) =>
      rtmpCamera({ url: address, transport: 'tcp', credentialsDirectory: writeCredentials(folder, password) }, anywhere);
    let processes = '';
    await readUntil(camera(PASSWORD).read(never), (_, count) => {
      if (count === 5) processes = execFileSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " || true']).toString();
      return count > 10;
    });
    assert.match(processes, /concat/);
    assert.ok(!processes.includes('p%40ss') && !processes.includes(PASSWORD));
    // This server says nothing before it hangs up.
    await rejectsWith('CameraRefused', camera('wrong/word').read(never));
  });

  test('that is not there, or whose server goes: a sentence', async (context) => {
    const server = await RtspServer.start();
    context.after(() => server.stop());
    await server.publish(CLIP, { coding, path: 'live/door' });
    const camera = (path: string) => rtmpCamera({ url: `rtmp://127.0.0.1:${server.ports.rtmp}/${path}`, transport: 'tcp' }, anywhere);
    await rejectsWith('CameraRefused', camera('live/window').read(never));
    await rejectsWith('CameraLost', camera('live/door').read(never), async (item) => {
      if (item.kind === 'unit') await server.down();
      return false;
    });
    await rejectsWith('CameraUnreachable', camera('live/door').read(never));
  });
});
