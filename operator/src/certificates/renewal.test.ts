import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { FOREIGN } from '../fixtures/foreign.ts';
import { type Certified, issueAuthority, issueServer } from './issuing.ts';
import { type Held, keep, readAuthorities, readAuthority, readServer } from './renewal.ts';

const NAME = 'footfall-counter.footfall-system.svc';
const lifetimes = { certificateSeconds: 90, authoritySeconds: 900, overlapSeconds: 100 };
const nothing: Held = { authorities: [], server: undefined };
const start = Date.UTC(2026, 0, 1);
/** What is held after so many seconds, having been looked at then and never before. */
const after = (seconds: number, held: Held = nothing, name = NAME) => keep(held, name, lifetimes, start + seconds * 1000);
const certifies = (authority: Certified, { server }: Held) =>
  new X509Certificate(server!.certificate).verify(new X509Certificate(authority.certificate).publicKey);

test("the first certificate is for the counters' name alone, and by an authority that can make no other", async () => {
  const { authorities, server } = await after(0);
  assert.equal(authorities.length, 1);
  const [authority, certificate] = [new X509Certificate(authorities[0]!.certificate), new X509Certificate(server!.certificate)];
  assert.deepEqual([authority.ca, certificate.ca, certificate.subjectAltName], [true, false, `DNS:${NAME}`]);
  assert.equal(certificate.checkIssued(authority) && certifies(authorities[0]!, { authorities, server }), true);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
});

test('until two thirds of its life a certificate stays as it is, and then it is made anew by the same authority', async () => {
  const first = await after(0);
  assert.equal(first.againSeconds, 60);
  const same = await after(59, first);
  assert.deepEqual([same.server, same.authorities], [first.server, first.authorities]);
  const next = await after(60, same);
  assert.notEqual(next.server!.certificate, first.server!.certificate);
  assert.equal(certifies(first.authorities[0]!, next), true);
});

test('a new authority is told before it is relied on, and the old one is trusted until it ends', async () => {
  const first = await after(0);
  const [old] = first.authorities;
  const told = await after(600, first);
  const [young] = told.authorities;
  assert.deepEqual([told.authorities.length, told.authorities[1]], [2, old]);
  assert.equal(certifies(old!, told), true, 'nobody knew the new one until now');
  const still = await after(699, told);
  assert.equal(certifies(old!, still), true);
  assert.ok(still.againSeconds <= 1, 'and it is looked at again in time');
  const switched = await after(700, still);
  assert.deepEqual([certifies(young!, switched), switched.authorities.length], [true, 2]);
  const left = await after(901, switched);
  assert.deepEqual(left.authorities, [young]);
});

test('whoever looks at every moment, or after years, never shows a certificate by somebody nobody was told of in time', async () => {
  let held: Held = nothing;
  const toldAt = new Map<string, number>();
  for (let seconds = 0; seconds < 3000; seconds += 7) {
    held = await after(seconds, held);
    for (const { certificate } of held.authorities) toldAt.set(certificate, toldAt.get(certificate) ?? seconds);
    const signer = held.authorities.find((authority) => certifies(authority, held))!;
    assert.ok(
      seconds === 0 || toldAt.get(signer.certificate) === 0 || seconds - toldAt.get(signer.certificate)! >= lifetimes.overlapSeconds,
      `at ${seconds}`,
    );
    assert.ok(new X509Certificate(held.server!.certificate).validToDate.getTime() > start + seconds * 1000);
    assert.ok(held.authorities.length <= 2);
  }
  assert.ok(toldAt.size >= 5, 'authorities came and went');
  const [afresh, ...more] = (await after(1e6, held)).authorities;
  assert.deepEqual([more, toldAt.has(afresh!.certificate)], [[], false]);
});

test('a certificate of another name, or by an authority that is gone, is made anew', async () => {
  const first = await after(0);
  const renamed = await after(1, first, 'footfall-counter.other.svc');
  assert.equal(new X509Certificate(renamed.server!.certificate).subjectAltName, 'DNS:footfall-counter.other.svc');
  const authorities = [await issueAuthority({ from: start, seconds: 900 })];
  const replaced = await after(1, { ...first, authorities });
  assert.equal(certifies(authorities[0]!, replaced), true);
});

test("a server's certificate does not outlive its authority", async () => {
  const authorities = [await issueAuthority({ from: start, seconds: 60 })];
  const { server } = await keep({ authorities, server: undefined }, NAME, lifetimes, start);
  assert.equal(new X509Certificate(server!.certificate).validToDate.getTime(), start + 60_000);
});

test('half an authority is no reason to make another one: agents trust what was lost', async () => {
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
    assert.throws(() => readAuthority(pair), /holds no authority with its key/);
  }
});

test("half a server's certificate is as good as none, and somebody else's is left alone", async () => {
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
  assert.throws(() => readServer({ certificate: FOREIGN }), /is not Footfall's/);
});

test('whom to trust is at least one certificate, and nothing else', async () => {
  const { certificate } = await issueAuthority({ from: start, seconds: 60 });
  assert.equal(readAuthorities(certificate + certificate), certificate + certificate);
  for (const text of ['', 'nobody', certificate.replace('MII', 'XXX')])
    assert.throws(() => readAuthorities(text), /holds no authority to trust/);
});
