/**
 * What the counters' certificate and its authorities are to be, given what there is and the time.
 *
 *   no authority ─▶ one is made, and certifies the server at once, for nobody trusts another yet
 *   past two thirds of its life ─▶ a newer one is made beside it; agents are told to trust both
 *   the newer one is `overlapSeconds` old ─▶ it certifies the server; the older one is trusted until it expires
 *
 * So the certificate that a counter shows is by an authority of which every agent has known for a while. The server's is
 * made anew past two thirds of its life, and whenever it does not fit.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { AUTHORITY_NAME, type Certified, CLOCK_SKEW_MS, issueAuthority, issueServer } from './issuing.ts';

export interface Held {
  /** Newest first. */
  readonly authorities: readonly Certified[];
  readonly server: Certified | undefined;
}

export interface Lifetimes {
  readonly certificateSeconds: number;
  readonly authoritySeconds: number;
  /** From when agents are told of an authority until it is relied on. */
  readonly overlapSeconds: number;
}

export interface Kept extends Held {
  /** When something is due again. */
  readonly againSeconds: number;
}

/** @param now milliseconds since 1970. What may stay is given back as it is. */
export async function keep(held: Held, serverName: string, lifetimes: Lifetimes, now: number): Promise<Kept> {
  const { certificateSeconds, authoritySeconds, overlapSeconds } = lifetimes;
  const living = held.authorities.filter((authority) => spanOf(authority).to > now);
  const [newest] = living;
  const due = newest === undefined || spanOf(newest).renewAt <= now;
  const authorities = due ? [await issueAuthority({ from: now, seconds: authoritySeconds }), ...living] : living;
  const relyAt = spanOf(authorities[0]!).from + overlapSeconds * 1000;
  const signer = authorities.length === 1 || relyAt <= now ? authorities[0]! : authorities[1]!;
  const seconds = Math.min(certificateSeconds, (spanOf(signer).to - now) / 1000);
  const server =
    held.server !== undefined && serves(held.server, signer, serverName, now)
      ? held.server
      : await issueServer(signer, serverName, { from: now, seconds });
  const next = Math.min(spanOf(server).renewAt, spanOf(authorities[0]!).renewAt, ...(signer === authorities[0] ? [] : [relyAt]));
  return { authorities, server, againSeconds: Math.max(0, next - now) / 1000 };
}

function serves(server: Certified, signer: Certified, serverName: string, now: number): boolean {
  const certificate = new X509Certificate(server.certificate);
  const authority = new X509Certificate(signer.certificate);
  return (
    spanOf(server).renewAt > now &&
    certificate.checkHost(serverName) !== undefined &&
    certificate.checkIssued(authority) &&
    certificate.verify(authority.publicKey)
  );
}

/** In milliseconds since 1970. */
function spanOf({ certificate }: Certified): { from: number; renewAt: number; to: number } {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const from = validFromDate.getTime() + CLOCK_SKEW_MS;
  const to = validToDate.getTime();
  return { from, renewAt: from + ((to - from) * 2) / 3, to };
}

/** Why something is not made anew: it is not known whose it is, or what would be lost. The sentence says what to do. */
export class Unsound extends Error {}

/** An authority that was read. @throws Unsound when it is half one. */
export function readAuthority(pair: Partial<Certified>): Certified | undefined {
  const { certificate = '', key = '' } = pair;
  if (certificate === '' && key === '') return undefined;
  if (!belongTogether(certificate, key) || !new X509Certificate(certificate).ca) throw new Unsound('holds no authority with its key');
  return { certificate, key };
}

/** A server's certificate that was read: one that is half there is as good as none. @throws Unsound when it is somebody else's. */
export function readServer(pair: Partial<Certified>): Certified | undefined {
  const { certificate = '', key = '' } = pair;
  const parsed = parse(certificate);
  if (parsed === undefined) return undefined;
  if (!parsed.issuer.startsWith(`CN=${AUTHORITY_NAME} `)) throw new Unsound("holds a certificate that is not Footfall's");
  return belongTogether(certificate, key) ? { certificate, key } : undefined;
}

/** PEM of one certificate or more. @throws Unsound when it is not. */
export function readAuthorities(text: string): string {
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0 || certificates.some((one) => parse(one) === undefined)) throw new Unsound('holds no authority to trust');
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
