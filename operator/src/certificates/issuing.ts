/** Makes certificates: the only file that knows the library for it. Reading them is for Node. ECDSA on P-256 throughout. */
// The library's container wants it there first.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** PEM. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

export interface Lifetime {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly seconds: number;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
/** By this an authority of ours is told from anybody else's. */
export const AUTHORITY_NAME = 'Footfall counters';
/** A certificate begins so much before it is issued: clocks at the sites may be behind ours. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/** A root that certifies servers and no other authority. No two have the same name. */
export async function issueAuthority(lifetime: Lifetime): Promise<Certified> {
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const serialNumber = newSerial();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(lifetime),
    serialNumber,
    keys,
    name: `CN=${AUTHORITY_NAME} ${serialNumber.slice(0, 8)}`,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
}

/** @param name by which the server is dialed, the only one that it gets. */
export async function issueServer(authority: Certified, name: string, lifetime: Lifetime): Promise<Certified> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(lifetime),
    serialNumber: newSerial(),
    // No subject: it would take 64 characters, and a namespace may have as many. It is the alternative name that counts.
    issuer: issuer.subject,
    signingKey: await signingKeyOf(authority),
    publicKey: keys.publicKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      // Critical, for there is no other name.
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }], true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
}

function validity({ from, seconds }: Lifetime) {
  return { notBefore: new Date(from - CLOCK_SKEW_MS), notAfter: new Date(from + seconds * 1000) };
}

/** Positive, as the standard wants it. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function signingKeyOf({ key }: Certified): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(key), KEY, false, ['sign']);
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
