import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesWithSecret } from './canary.ts';

const secret = 'a+b&c#d@4711!';

for (const [how, content] of [
  ['as it is', `password=${secret}`],
  ['in a URL', `rtsp://keeper:${encodeURIComponent(secret)}@camera/`],
  ['in a URL, by lower-case codes', `rtsp://keeper:a%2bb%26c%23d%404711!@camera/`],
  ['in base64', Buffer.from(`keeper:${secret}`).toString('base64')],
  ['in base64, elsewhere in the text', Buffer.from(`{"p":"${secret}"}`).toString('base64url')],
  ['in hexadecimal digits', Buffer.from(secret).toString('hex')],
] as const) {
  test(`a secret is found ${how}`, () => {
    assert.deepEqual(
      placesWithSecret(secret, [
        { name: 'log', content },
        { name: 'event', content: 'nothing' },
      ]),
      ['log'],
    );
  });
}
