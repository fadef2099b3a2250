/** Bodies as cameras send them, in chunks of every size. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sizeOf } from './jpeg.ts';
import { MultipartError, readParts } from './multipart.ts';

/** 3 x 2 pixels by its header; with a newline and two dashes in it. */
const PICTURE = Buffer.from('ffd8ffe000040102ffc0000b080002000301011100ffda0003010a2d2d0d0a2d2d41ffd9', 'hex');
const OTHER = Buffer.concat([PICTURE.subarray(0, -2), Buffer.from('more'), PICTURE.subarray(-2)]);

const bodies: Record<string, { body: (string | Buffer)[]; parts?: Buffer[] }> = {
  'with lengths': {
    body: [
      '--b\r\nContent-Type: image/jpeg\r\nContent-Length: 36\r\n\r\n',
      PICTURE,
      '\r\n--b\r\ncontent-length: 40\r\n\r\n',
      OTHER,
      '\r\n--b--\r\n',
    ],
  },
  'without lengths': { body: ['--b\r\nContent-Type: image/jpeg\r\n\r\n', PICTURE, '\r\n--b\r\n\r\n', OTHER, '\n--b--\r\n'] },
  'with lengths that are too short': {
    body: ['--b\r\nContent-Length: 30\r\n\r\n', PICTURE, '\r\n--b\r\nContent-Length: 30\r\n\r\n', OTHER, '\r\n--b--\r\n'],
  },
  'with a preamble and with lines between parts': {
    body: ['hello\r\n--b\n\n', PICTURE, '\n--b\nContent-Length: 40\n\n', OTHER, '\n\n\n--b--\n'],
  },
  'with lines that begin without a newline after the picture': {
    body: ['--b\r\nContent-Length: 36\r\n\r\n', PICTURE, '--b\r\nContent-Length: 40\r\n\r\n', OTHER, '--b--'],
  },
  'that breaks off in a picture': {
    body: ['--b\r\nContent-Length: 36\r\n\r\n', PICTURE, '\r\n--b\r\nContent-Length: 40\r\n\r\n', OTHER.subarray(0, 20)],
    parts: [PICTURE],
  },
};

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const whole = (body: (string | Buffer)[]) => Buffer.concat(body.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

suite('a multipart body', () => {
  for (const [name, { body, parts = [PICTURE, OTHER] }] of Object.entries(bodies)) {
    test(name, async () => {
      assert.equal(PICTURE.length, 36);
      for (const size of [1, 2, 7, 33, 1000]) {
        const found = await Array.fromAsync(readParts(inChunks(whole(body), size), 1000));
        assert.deepEqual(
          found.map((part) => part.toString('hex')),
          parts.map((part) => part.toString('hex')),
          `chunks of ${size}`,
        );
      }
    });
  }

  test('whose pictures are too large is refused, announced or not', async () => {
    for (const head of ['Content-Length: 1001\r\n', ''])
      await assert.rejects(
        Array.fromAsync(readParts(inChunks(whole([`--b\r\n${head}\r\n`, Buffer.alloc(5000), '\r\n--b']), 500), 1000)),
        MultipartError,
      );
  });

  test('whose head has no end is refused', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `X-${i}: some text\r\n`);
    await assert.rejects(Array.fromAsync(readParts(inChunks(whole(['--b\r\n', ...lines]), 500), 1000)), MultipartError);
  });
});

test('a picture says its size before anything is decoded, and other bytes have none', () => {
  assert.deepEqual(sizeOf(PICTURE), { width: 3, height: 2 });
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('ffd8', 'hex'),
    Buffer.from('ffd8ffe0ffff0000', 'hex'),
    Buffer.from('<html>a page</html>'),
  ])
    assert.equal(sizeOf(bytes), undefined);
});
