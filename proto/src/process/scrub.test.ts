import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { scrub } from './scrub.ts';

suite('URLs', () => {
  const cases: [text: string, scrubbed: string][] = [
    ['rtsp://admin:secret@10.0.0.8/stream2', 'rtsp://***@10.0.0.8/stream2'],
    ["Impossible to open 'rtsps://admin:p%40ss@[fe80::1]:322/x?y=1'", "Impossible to open 'rtsps://***@[fe80::1]:322/x?y=1'"],
    ["rtsp://admin:p@ss:w/rd%!'é@camera/1", 'rtsp://***@camera/1'],
    ['rtsp://admin@camera/1 and http://u:p@other/', 'rtsp://***@camera/1 and http://***@other/'],
    ['{"url":"rtsp://u:p@camera/1","to":"a@b.example"}', '{"url":"rtsp://***@camera/1","to":"a@b.example"}'],
    ['rtsp://camera/cam?user=admin&password=secret&channel=1', 'rtsp://camera/cam?user=***&password=***&channel=1'],
    ['rtsp://camera/user=admin_password=secret_channel=1.sdp', 'rtsp://camera/user=***'],
    ['rtsp://camera/user={username}_password={password}.sdp', 'rtsp://camera/user={username}_password={password}.sdp'],
    ['rtsp://camera:554/stream2', 'rtsp://camera:554/stream2'],
    ['mail a@b.example about 3 counters', 'mail a@b.example about 3 counters'],
  ];
  for (const [text, scrubbed] of cases) {
    test(text, () => assert.equal(scrub(text), scrubbed));
  }
});

suite('given secrets', () => {
  const nasty = 'p@ss:w/rd%!\'é"\\';
  const spellings = {
    plain: nasty,
    'percent-encoded': encodeURIComponent(nasty),
    'percent-encoded in small letters': encodeURIComponent(nasty).toLowerCase(),
    'percent-encoded to the last byte': [...Buffer.from(nasty)].map((byte) => `%${byte.toString(16)}`).join(''),
    'in JSON': JSON.stringify(nasty).slice(1, -1),
    'in JSON in JSON': JSON.stringify(JSON.stringify(nasty)).slice(3, -3),
  };
  for (const [spelling, text] of Object.entries(spellings)) {
    test(spelling, () => assert.equal(scrub(`the word is ${text}, it goes`, [nasty]), 'the word is ***, it goes'));
  }

  test('a secret of a letter or two does not black out the text', () => {
    assert.equal(scrub('method DESCRIBE failed: 401', ['1']), 'method DESCRIBE failed: 401');
    assert.equal(scrub('rtsp://a:1@camera/1', ['1']), 'rtsp://***@camera/1');
  });

  test('no secret comes through, whatever stands around it', () => {
    const word = fc.string({ minLength: 8, maxLength: 20 }).filter((text) => !text.includes('*'));
    fc.assert(
      fc.property(word, fc.string(), fc.string(), (secret, before, after) => !scrub(before + secret + after, [secret]).includes(secret)),
    );
  });
});
