/** What a camera is told when it asks for user and password. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LoginDesk } from '../../../hack/machine/rtsp-login.ts';
import { Login, parseChallenges } from './login.ts';

const MUFASA = { username: 'Mufasa', password: 'Circle of Life' };
const OWN_NONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
const ASKED = 'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"';
const OPAQUE = 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYQsqOcFI"';

const answerTo = (values: string[]) => {
  const login = new Login(MUFASA, OWN_NONCE);
  assert.ok(login.take(parseChallenges(values)));
  return login.authorize('GET', '/dir/index.html')!;
};

test('the answers of RFC 7616, section 3.9.1', () => {
  const sha = answerTo([`Digest ${ASKED}, algorithm=SHA-256, ${OPAQUE}`]);
  assert.match(sha, /response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"/);
  assert.match(sha, /algorithm=SHA-256, opaque="FQhe.*", cnonce="f2.*", qop=auth, nc=00000001$/);
  const md5 = answerTo([`Digest ${ASKED}, algorithm=MD5, ${OPAQUE}`]);
  assert.match(md5, /response="8ca523f5e9506fed4657c9700eebdbec"/);
});

test('of several challenges, in one line or many, the strongest is answered', () => {
  const [md5, sha] = ['MD5', 'SHA-256'].map((algorithm) => `Digest ${ASKED}, algorithm=${algorithm}`) as [string, string];
  for (const values of [
    [`Basic realm="a, b", ${md5}, ${sha}`],
    [sha, md5, 'Basic realm="x"'],
    ['Digest qop="auth-int", algorithm=SHA-512-256', sha],
  ])
    assert.match(answerTo(values), /algorithm=SHA-256,/);
  assert.match(answerTo(['Basic realm="x"', md5]), /^Digest .*algorithm=MD5/);
  assert.equal(answerTo(['Basic realm="x"']), `Basic ${Buffer.from('Mufasa:Circle of Life').toString('base64')}`);
});

test('what cannot be answered is not taken', () => {
  for (const value of ['Digest realm="x", nonce="1", algorithm=SHA-1', 'Digest realm="x", qop="auth-int", nonce="1"', 'Bearer', '="', ''])
    assert.ok(!new Login(MUFASA).take(parseChallenges([value])), value);
});

suite('a camera lets in with', () => {
  const logins = [MUFASA, { username: 'door "k" \\é', password: 'p@ss:wörd\'"%' }];
  for (const scheme of ['Basic', 'MD5', 'MD5-sess', 'SHA-256', 'SHA-256-sess'] as const) {
    for (const qop of [true, false]) {
      test(`${scheme}${qop ? '' : ' without qop'}`, () => {
        for (const credentials of logins) {
          const desk = new LoginDesk({ ...credentials, schemes: [scheme], qop }, undefined);
          const login = new Login(credentials);
          const values = desk.challenges('DESCRIBE').map((line) => line.replace('WWW-Authenticate: ', ''));
          assert.ok(login.take(parseChallenges(values)));
          for (const method of ['DESCRIBE', 'SETUP', 'PLAY'])
            assert.deepEqual(desk.challenges(method, login.authorize(method, 'rtsp://10.0.0.8/door')), []);
          assert.notDeepEqual(desk.challenges('PLAY', new Login({ ...credentials, password: 'x' }).authorize('PLAY', '/')), []);
        }
      });
    }
  }
});
