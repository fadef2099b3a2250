import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { FOREIGN } from '../fixtures/foreign.ts';
import { type CertifiedKey, issueAuthority, issueServer } from './issuing.ts';
import { type CertificateSet, readAuthorities, readAuthority, readServer, renew } from './renewal.ts';

const NAME = 'footfall-counter.footfall-system.svc';
const lifetimes = { certificateSeconds: 90, authoritySeconds: 900, overlapSeconds: 100 };
const nothing: CertificateSet = { authorities: [], server: undefined };
const start = Date.UTC(2026, 0, 1);
/** The certificates after so many seconds, renewed at that moment and not before. */
const after = (seconds: number, current: CertificateSet = nothing, name = NAME) => renew(current, name, lifetimes, start + seconds * 1000);
const issued = (authority: CertifiedKey, { server }: CertificateSet) =>
  new X509Certificate(server!.certificate).verify(new X509Certificate(authority.certificate).publicKey);

test("the first certificate is for the counters' name alone, and its authority can issue no other authority's", async () => {
  const { authorities, server } = await after(0);
  assert.equal(authorities.length, 1);
  const [authority, certificate] = [new X509Certificate(authorities[0]!.certificate), new X509Certificate(server!.certificate)];
  assert.deepEqual([authority.ca, certificate.ca, certificate.subjectAltName], [true, false, `DNS:${NAME}`]);
  assert.equal(certificate.checkIssued(authority) && issued(authorities[0]!, { authorities, server }), true);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
});

test('a certificate stays as it is for two thirds of its life, and is then renewed by the same authority', async () => {
  const first = await after(0);
  assert.equal(first.dueSeconds, 60);
  const same = await after(59, first);
  assert.deepEqual([same.server, same.authorities], [first.server, first.authorities]);
  const next = await after(60, same);
  assert.notEqual(next.server!.certificate, first.server!.certificate);
  assert.equal(issued(first.authorities[0]!, next), true);
});

test('a new authority is trusted before it issues a certificate, and the old one is trusted until it expires', async () => {
  const first = await after(0);
  const [old] = first.authorities;
  const announced = await after(600, first);
  const [young] = announced.authorities;
  assert.deepEqual([announced.authorities.length, announced.authorities[1]], [2, old]);
  assert.equal(issued(old!, announced), true, 'no agent trusts the new one yet');
  const still = await after(699, announced);
  assert.equal(issued(old!, still), true);
  assert.ok(still.dueSeconds <= 1, 'and the next renewal is due in time');
  const switched = await after(700, still);
  assert.deepEqual([issued(young!, switched), switched.authorities.length], [true, 2]);
  const left = await after(901, switched);
  assert.deepEqual(left.authorities, [young]);
});

test('the certificate is valid at any moment, and its issuer has been trusted for long enough, also after years', async () => {
  let current: CertificateSet = nothing;
  const trustedAt = new Map<string, number>();
  for (let seconds = 0; seconds < 3000; seconds += 7) {
    current = await after(seconds, current);
    for (const { certificate } of current.authorities) trustedAt.set(certificate, trustedAt.get(certificate) ?? seconds);
    const signer = current.authorities.find((authority) => issued(authority, current))!;
    assert.ok(
      seconds === 0 || trustedAt.get(signer.certificate) === 0 || seconds - trustedAt.get(signer.certificate)! >= lifetimes.overlapSeconds,
      `at ${seconds}`,
    );
    assert.ok(new X509Certificate(current.server!.certificate).validToDate.getTime() > start + seconds * 1000);
    assert.ok(current.authorities.length <= 2);
  }
  assert.ok(trustedAt.size >= 5, 'authorities came and went');
  const [afresh, ...more] = (await after(1e6, current)).authorities;
  assert.deepEqual([more, trustedAt.has(afresh!.certificate)], [[], false]);
});

test('a certificate of another name, or of an authority that is gone, is renewed', async () => {
  const first = await after(0);
  const renamed = await after(1, first, 'footfall-counter.other.svc');
  assert.equal(new X509Certificate(renamed.server!.certificate).subjectAltName, 'DNS:footfall-counter.other.svc');
  const authorities = [await issueAuthority({ from: start, seconds: 900 })];
  const replaced = await after(1, { ...first, authorities });
  assert.equal(issued(authorities[0]!, replaced), true);
});

test("a server's certificate does not outlive its authority", async () => {
  const authorities = [await issueAuthority({ from: start, seconds: 60 })];
  const { server } = await renew({ authorities, server: undefined }, NAME, lifetimes, start);
  assert.equal(new X509Certificate(server!.certificate).validToDate.getTime(), start + 60_000);
});

test('a broken authority is not replaced: agents may trust the one that was there', async () => {
  const { certificate, key } = await issueAuthority({ from: start, seconds: 60 });
  const other = await issueAuthority({ from: start, seconds: 60 });
  const server = await issueServer(other, NAME, { from: start, seconds: 60 });
  assert.deepEqual(readAuthority({ certificate, key }), { certificate, key });
  assert.equal(readAuthority({}), undefined);
  for (const pair of [
    { certificate },
    { key },
    { certificate, key: other.key },
    { certificate: 'torn', key },
    { certificate: certificate.slice(0, 200), key },
    server,
  ]) {
    assert.throws(() => readAuthority(pair), /holds no certificate authority with its private key/);
  }
});

test("a server's broken certificate counts as missing, and a certificate of another issuer is left alone", async () => {
  const authority = await issueAuthority({ from: start, seconds: 60 });
  const server = await issueServer(authority, NAME, { from: start, seconds: 60 });
  assert.deepEqual(readServer(server), server);
  for (const pair of [
    {},
    { certificate: server.certificate },
    { key: server.key },
    { ...server, certificate: 'torn' },
    { ...server, key: authority.key },
  ])
    assert.equal(readServer(pair), undefined);
  assert.throws(() => readServer({ certificate: FOREIGN }), /that Footfall did not issue/);
});

test('trusted authorities are one certificate or more, and nothing else', async () => {
  const { certificate } = await issueAuthority({ from: start, seconds: 60 });
  assert.equal(readAuthorities(certificate + certificate), certificate + certificate);
  for (const text of ['', 'text', certificate.replace('MII', 'XXX')])
    assert.throws(() => readAuthorities(text), /holds no certificate authority's certificate/);
});
