/**
 * Which certificates the counters need next, given the current ones and the time.
 *
 *   no authority ─▶ a first one is issued, and issues the server's certificate at once: no agent trusts another yet
 *   past two thirds of its life ─▶ a second one is issued; agents trust both
 *   the second one is `overlapSeconds` old ─▶ it issues the server's certificate; the first one is trusted until it expires
 *
 * Invariant: agents have trusted the issuer of the server's certificate for `overlapSeconds` before counters present it. The
 * server's certificate is renewed past two thirds of its life, and whenever it does not match.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { AUTHORITY_NAME, type CertifiedKey, CLOCK_SKEW_MS, issueAuthority, issueServer } from './issuing.ts';

export interface CertificateSet {
  /** Newest first. */
  readonly authorities: readonly CertifiedKey[];
  readonly server: CertifiedKey | undefined;
}

export interface Lifetimes {
  readonly certificateSeconds: number;
  readonly authoritySeconds: number;
  /** How long agents trust a new authority before it issues the server's certificate. */
  readonly overlapSeconds: number;
}

export interface Renewal extends CertificateSet {
  /** When the next renewal is due. */
  readonly dueSeconds: number;
}

/** @param now milliseconds since 1970. A certificate that is not due is returned as it is. */
export async function renew(current: CertificateSet, serverName: string, lifetimes: Lifetimes, now: number): Promise<Renewal> {
  const { certificateSeconds, authoritySeconds, overlapSeconds } = lifetimes;
  const valid = current.authorities.filter((authority) => validityOf(authority).to > now);
  const [newest] = valid;
  const isDue = newest === undefined || validityOf(newest).renewAt <= now;
  const authorities = isDue ? [await issueAuthority({ from: now, seconds: authoritySeconds }), ...valid] : valid;
  const trustedAt = validityOf(authorities[0]!).from + overlapSeconds * 1000;
  const issuer = authorities.length === 1 || trustedAt <= now ? authorities[0]! : authorities[1]!;
  const seconds = Math.min(certificateSeconds, (validityOf(issuer).to - now) / 1000);
  const server =
    current.server !== undefined && matches(current.server, issuer, serverName, now)
      ? current.server
      : await issueServer(issuer, serverName, { from: now, seconds });
  const due = Math.min(validityOf(server).renewAt, validityOf(authorities[0]!).renewAt, ...(issuer === authorities[0] ? [] : [trustedAt]));
  return { authorities, server, dueSeconds: Math.max(0, due - now) / 1000 };
}

function matches(server: CertifiedKey, issuer: CertifiedKey, serverName: string, now: number): boolean {
  const certificate = new X509Certificate(server.certificate);
  const authority = new X509Certificate(issuer.certificate);
  return (
    validityOf(server).renewAt > now &&
    certificate.checkHost(serverName) !== undefined &&
    certificate.checkIssued(authority) &&
    certificate.verify(authority.publicKey)
  );
}

/** In milliseconds since 1970. */
function validityOf({ certificate }: CertifiedKey): { from: number; renewAt: number; to: number } {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const from = validFromDate.getTime() + CLOCK_SKEW_MS;
  const to = validToDate.getTime();
  return { from, renewAt: from + ((to - from) * 2) / 3, to };
}

/** A Secret that the operator must not overwrite. The message reads on after the Secret's name, or is a whole sentence. */
export class UnusableSecret extends Error {}

/** Undefined for an empty pair. @throws UnusableSecret for a broken one: agents may trust the authority that was there. */
export function readAuthority(pair: Partial<CertifiedKey>): CertifiedKey | undefined {
  const { certificate = '', key = '' } = pair;
  if (certificate === '' && key === '') return undefined;
  if (!belongTogether(certificate, key) || !new X509Certificate(certificate).ca)
    throw new UnusableSecret('holds no certificate authority with its private key');
  return { certificate, key };
}

/** Undefined for a pair that is empty or broken: it is issued again. @throws UnusableSecret for a certificate of another issuer. */
export function readServer(pair: Partial<CertifiedKey>): CertifiedKey | undefined {
  const { certificate = '', key = '' } = pair;
  const parsed = parse(certificate);
  if (parsed === undefined) return undefined;
  if (!parsed.issuer.startsWith(`CN=${AUTHORITY_NAME} `)) throw new UnusableSecret('holds a certificate that Footfall did not issue');
  return belongTogether(certificate, key) ? { certificate, key } : undefined;
}

/** PEM of one certificate or more. @throws UnusableSecret for any other text. */
export function readAuthorities(text: string): string {
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0 || certificates.some((one) => parse(one) === undefined))
    throw new UnusableSecret("holds no certificate authority's certificate");
  return text;
}

function belongTogether(certificate: string, key: string): boolean {
  try {
    return parse(certificate)?.checkPrivateKey(createPrivateKey(key)) ?? false;
  } catch {
    return false;
  }
}

function parse(certificate: string): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}
