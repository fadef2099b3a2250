import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist, PlaylistError } from './playlist.ts';

test('segments have numbers, and what a decoder needs before them', () => {
  const text = `\uFEFF#EXTM3U\r
#EXT-X-VERSION:7\r
#EXT-X-TARGETDURATION:4\r
#EXT-X-MEDIA-SEQUENCE:17\r
#EXT-X-KEY:METHOD=NONE\r
#EXT-X-MAP:URI="init,1.mp4"\r
#EXT-X-PROGRAM-DATE-TIME:2026-12-01T00:00:00Z\r
#EXTINF:3.9,a title\r
one.m4s\r
#EXT-X-PART:DURATION=1,URI="part.m4s"\r
#EXT-X-DISCONTINUITY\r
#EXTINF:4\r
../two.m4s?x=1\r
`;
  assert.deepEqual(parsePlaylist(text), {
    kind: 'media',
    targetSeconds: 4,
    ended: false,
    segments: [
      { uri: 'one.m4s', number: 17, seconds: 3.9, map: 'init,1.mp4', discontinuous: false },
      { uri: '../two.m4s?x=1', number: 18, seconds: 4, map: 'init,1.mp4', discontinuous: true },
    ],
  });
});

test('of several qualities, those without video are left out', () => {
  const text = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS="mp4a.40.2"
sound.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS="avc1.4d401f,mp4a.40.2",RESOLUTION=640x360
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=5000000
high.m3u8`;
  assert.deepEqual(parsePlaylist(text), { kind: 'master', variants: ['low.m3u8', 'high.m3u8'] });
});

suite('refused with half a sentence:', () => {
  const media = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n';
  const refused: Record<string, [text: string, words: RegExp]> = {
    'a page': ['<html>', /no HLS playlist/],
    'encrypted segments': [`${media}#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF:4,\na.ts`, /encrypted/],
    'parts of files': [`${media}#EXTINF:4,\n#EXT-X-BYTERANGE:100@0\na.ts`, /parts of files/],
    'no duration': ['#EXTM3U\n#EXTINF:4,\na.ts', /durations/],
    'sound alone': ['#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\na.m3u8', /no video/],
  };
  for (const [name, [text, words]] of Object.entries(refused))
    test(name, () => {
      assert.throws(
        () => parsePlaylist(text),
        (error) => error instanceof PlaylistError && words.test(error.message),
      );
    });
});
