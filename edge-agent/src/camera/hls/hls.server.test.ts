/** HLS from MediaMTX, to which ffmpeg publishes, and from a web server whose playlists mislead. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { RtspServer, withoutRtspServer } from '../../../../hack/machine/rtsp-server.ts';
import { anywhere, CLIP, makeFolder, never, PASSWORD, readUntil, rejectsWith, USER, writeCredentials } from '../../fixtures/rtsp.ts';
import { hlsCamera } from './hls.ts';

const folder = makeFolder();
const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10', '-vf', 'scale=320:180'];

for (const hlsVariant of ['mpegts', 'fmp4'] as const)
  suite(`a live stream of segments in ${hlsVariant}`, { skip: withoutRtspServer(), timeout: 90_000 }, () => {
    let server: RtspServer;
    before(async () => {
      server = await RtspServer.start({ username: USER, password: PASSWORD }, undefined, { hlsVariant });
      await server.publish(CLIP, { coding });
    });
    after(() => server.stop());
    const camera = (credentialsDirectory?: string, path = 'door') =>
      hlsCamera({ url: `http://127.0.0.1:${server.ports.hls}/${path}/index.m3u8`, transport: 'tcp', credentialsDirectory }, anywhere);

    test('gives its access units once each, over many segments, with a login', async () => {
      const [first, ...units] = await readUntil(camera(writeCredentials(folder, PASSWORD)).read(never), (_, count) => count > 60);
      const fourcc = hlsVariant === 'fmp4' ? 'avc1' : 'H264';
      assert.deepEqual(first?.kind === 'codec' && [first.codec.fourcc, first.codec.width, first.codec.height], [fourcc, 320, 180]);
      const times = units.map((item) => (item.kind === 'unit' ? item.unit.presentationMicros : NaN));
      const steps = times.slice(1).map((time, index) => time - times[index]!);
      assert.ok(
        steps.every((step) => step > 50_000 && step < 150_000),
        String(steps),
      );
    });

    test('without the login, or without such a stream: a sentence', async () => {
      await rejectsWith('CameraUnauthorized', camera().read(never));
      await rejectsWith('CameraPathUnknown', camera(writeCredentials(folder, PASSWORD), 'window').read(never));
    });
  });
