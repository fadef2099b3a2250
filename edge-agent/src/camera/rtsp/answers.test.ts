import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { Random } from '../../../../hack/machine/random.ts';
import { FUZZ } from '#proto/wire/fixtures/fuzz.ts';
import { AnswerFilter, ForbiddenAnswer } from './answers.ts';

const CAMERA = '10.0.0.8';
const DESCRIBED = 'RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 20\r\n\r\nv=0\r\nRTSP/1.0 302 \r\n';
const packet = (length: number) =>
  Buffer.concat([Buffer.from([0x24, 0, length >> 8, length & 255]), Buffer.alloc(length, 'RTSP/1.0 302 ')]);

/** What passes the filter of these bytes, cut into chunks. */
function filtered(text: string | Buffer, chunk = Infinity): string {
  const answers = new AnswerFilter(CAMERA, (lines, body) => Buffer.concat([Buffer.from(lines, 'latin1'), body]));
  const bytes = Buffer.from(text as string, 'latin1');
  let through = '';
  for (let at = 0; at < bytes.length; at += chunk) through += answers.filter(bytes.subarray(at, at + chunk)).toString('latin1');
  return through;
}

test('answers, their bodies and video pass unchanged, however they are cut', () => {
  const all = Buffer.concat([Buffer.from(DESCRIBED), packet(700), packet(0), Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n'), packet(3)]);
  for (const chunk of [1, 2, 7, 64, 1000, Infinity]) assert.equal(filtered(all, chunk), all.toString('latin1'), `${chunk}`);
});

test('a redirection ends the connection, and the sentence says what to do', () => {
  for (const status of ['301 Moved', '302 Found', '305 Use Proxy', '399']) {
    assert.throws(
      () => filtered(`RTSP/1.0 ${status}\r\nLocation: rtsp://169.254.169.254/\r\n\r\n`),
      /sends its viewers to another address.*source\.url/,
    );
  }
});

suite('what ffmpeg might parse differently is refused', () => {
  const ways = {
    'a status in other digits': 'RTSP/1.0 +302 Found\r\n\r\n',
    'a version of its own': 'RTSP/9.9 302 Found\r\n\r\n',
    'a packet among the lines': 'RTSP/1.0 200 OK\r\n$\0\0\x04\r\n\r\nRTSP/1.0 302 \r\n\r\n',
    'two lengths': 'RTSP/1.0 200 OK\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n',
    'a length below nothing': 'RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n',
    'a length without end': 'RTSP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n',
    'lines without end': `RTSP/1.0 200 OK\r\n${'X: y\r\n'.repeat(4000)}`,
    'litter without end': '\0'.repeat(100_000),
  };
  for (const [what, bytes] of Object.entries(ways)) test(what, () => assert.throws(() => filtered(bytes, 500), ForbiddenAnswer));
});

test('litter between packets is dropped', () => {
  assert.equal(
    filtered(Buffer.concat([packet(5), Buffer.from('\r\n\0\0'), packet(6)])),
    Buffer.concat([packet(5), packet(6)]).toString('latin1'),
  );
});

suite('once a camera has announced its channels', () => {
  const SET_UP = 'RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n';
  const rtp = (size: number) => Buffer.concat([Buffer.from([0x24, 0, size >> 8, size & 0xff, 0x80, 96]), Buffer.alloc(size - 2, 'video')]);
  const random = new Random(11);
  const litter = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => random.whole(0, 255)));

  test('any bytes between packets are dropped, for as long as it plays', () => {
    const packets = Array.from({ length: 5000 }, (_, index) => rtp(100 + (index % 1300)));
    const sent = Buffer.concat([Buffer.from(SET_UP), ...packets.flatMap((one) => [one, litter(random.whole(0, 40))]), rtp(9)]);
    const through = filtered(sent, 1460).length;
    const whole = SET_UP.length + packets.reduce((sum, one) => sum + one.length, 0);
    assert.ok(Math.abs(through - whole) < whole / 1000, `${through} of ${whole}`);
  });

  test('a packet of another channel passes when a packet follows it, and lines that begin like an answer are one', () => {
    const foreign = Buffer.from([0x24, 7, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    const all = Buffer.concat([Buffer.from(SET_UP), rtp(40), foreign, rtp(50), Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n')]);
    for (const chunk of [1, 3, Infinity]) assert.equal(filtered(all, chunk), all.toString('latin1'));
    assert.throws(() => filtered(Buffer.concat([all, Buffer.from('RTSP/1.0 302 \r\n\r\n')])), ForbiddenAnswer);
  });
});

test('over UDP the video comes from the camera, whatever its answer names', () => {
  const setUp = (transport: string) => filtered(`RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: ${transport}\r\nSession: 7\r\n\r\n`);
  assert.match(
    setUp('RTP/AVP;unicast;source=169.254.169.254;client_port=1-2;server_port=3-4'),
    /Transport: RTP\/AVP;unicast;client_port=1-2;server_port=3-4;source=10\.0\.0\.8\r\nSession: 7\r\n\r\n$/,
  );
  assert.match(setUp('RTP/AVP/TCP;unicast;interleaved=0-1'), /Transport: RTP\/AVP\/TCP;unicast;interleaved=0-1\r\n/);
});

test('nothing that passes is a redirection or names another source, whatever the camera sends', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'RTSP/1.0 302 \r\n\r\n',
      'RTSP/1.0 200 OK\r\n',
      '\n',
      '\r\n\r\n',
      '$',
      '$\0\0\x02',
      'Content-Length: 3\r\n',
      'Transport: x;source=6.6.6.6\r\n',
      'Transport: RTP/AVP/TCP;interleaved=0-1\r\n',
      '$\0\0\x08\x80\x60123456',
      'RTSP/1.0 ',
      '30',
      '2 Found\n\n',
    ),
    fc.constantFrom('\r', 'Trans\rport: x; source = 6.6.6.6\n', ';source=6.6.6.6,y;source=6.6.6.6', ' ', 'RTSP'),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), (pieces, chunk) => {
      const bytes = Buffer.from(pieces.join(''), 'latin1');
      let through = '';
      try {
        through = filtered(bytes, chunk);
      } catch (error) {
        assert.ok(error instanceof ForbiddenAnswer);
      }
      assert.deepEqual(redirections(through), []);
    }),
    FUZZ,
  );
});

/**
 * The redirections that ffmpeg would find. It reads packets at the beginning of any line, lines up to an empty one, and the
 * last length that is not in the first line.
 */
function redirections(text: string): string[] {
  const found: string[] = [];
  let at = 0;
  while (at < text.length) {
    let [status, length, line] = ['', 0, ''];
    for (let first = true; at < text.length;) {
      if (line === '' && text[at] === '$') {
        at += 4 + (text.charCodeAt(at + 2) << 8) + text.charCodeAt(at + 3);
        continue;
      }
      const character = text[at++]!;
      if (character === '\r') continue;
      if (character !== '\n') {
        line += character;
        continue;
      }
      if (line === '') break;
      if (first) status = line;
      else if (/^content-length:/i.test(line)) length = parseInt(line.slice(15), 10) || 0;
      if (/^transport:.*source=(?!10\.0\.0\.8)/i.test(line)) found.push(line);
      [first, line] = [false, ''];
    }
    if (/^RTSP\/\S*\s+\+?3/.test(status)) found.push(status);
    at += Math.max(0, length);
  }
  return found;
}
