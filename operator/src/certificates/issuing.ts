/** Issues certificates (ECDSA on P-256), in the only file that imports the library for it. Node reads them without it. */
// The library needs it to be loaded first.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate with its private key, PEM. */
export interface CertifiedKey {
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
/** Begins the name of every authority that Footfall issues. */
export const AUTHORITY_NAME = 'Footfall counters';
/** A certificate is valid from so long before it is issued: clocks at the sites may be behind. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/** A root that can issue certificates of servers, and of no other authority. Each has a name of its own. */
export async function issueAuthority(lifetime: Lifetime): Promise<CertifiedKey> {
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

/** @param name the only host name of the server */
export async function issueServer(authority: CertifiedKey, name: string, lifetime: Lifetime): Promise<CertifiedKey> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(lifetime),
    serialNumber: newSerial(),
    // No subject: a common name has at most 64 characters, too few for some namespaces. Clients verify the alternative name.
    issuer: issuer.subject,
    signingKey: await signingKeyOf(authority),
    publicKey: keys.publicKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      // Critical, as RFC 5280 requires it of a certificate without a subject.
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }], true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
}

function validity({ from, seconds }: Lifetime) {
  return { notBefore: new Date(from - CLOCK_SKEW_MS), notAfter: new Date(from + seconds * 1000) };
}

/** Positive, as RFC 5280 requires. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function signingKeyOf({ key }: CertifiedKey): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(key), KEY, false, ['sign']);
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
