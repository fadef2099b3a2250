/**
 * How a camera is told user and password: digest by RFC 7616 and RFC 2069, or basic. ffmpeg knows digest with MD5 only, so
 * the agent answers in its stead.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Credentials } from './credentials.ts';

export interface Challenge {
  readonly scheme: string;
  /** By name in lower case, as they stand between the quotes. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Weakest first. */
const HASHES: readonly (readonly [algorithm: string, hash: string])[] = [
  ['MD5', 'md5'],
  ['SHA-256', 'sha256'],
  ['SHA-512-256', 'sha512-256'],
];

/** For one connection to a camera. */
export class Login {
  readonly #credentials: Credentials;
  readonly #ownNonce: string;
  #challenge: Challenge | undefined;
  #uses = 0;

  constructor(credentials: Credentials, ownNonce = randomBytes(16).toString('hex')) {
    this.#credentials = credentials;
    this.#ownNonce = ownNonce;
  }

  /** Takes the strongest challenge. Returns whether there was one that it can answer. */
  take(challenges: readonly Challenge[]): boolean {
    const [strongest] = challenges.filter((challenge) => strength(challenge) >= 0).toSorted((a, b) => strength(b) - strength(a));
    if (strongest === undefined) return false;
    this.#challenge = strongest;
    this.#uses = 0;
    return true;
  }

  /** The header's value, as bytes of latin1; undefined before the camera has asked for a login. */
  authorize(method: string, uri: string): string | undefined {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const { username, password } = this.#credentials;
    if (isBasic(challenge)) return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    this.#uses += 1;
    return digest(challenge, this.#credentials, { method, uri, ownNonce: this.#ownNonce, count: this.#uses });
  }
}

interface Use {
  readonly method: string;
  readonly uri: string;
  readonly ownNonce: string;
  /** Of the uses of this nonce. */
  readonly count: number;
}

/** https://www.rfc-editor.org/rfc/rfc7616#section-3.4 */
function digest({ fields }: Challenge, { username, password }: Credentials, { method, uri, ownNonce, count }: Use): string {
  const { realm = '', nonce = '', algorithm, opaque, qop } = fields;
  const hashName = HASHES[strength({ scheme: 'Digest', fields }) - 1]![1];
  const hash = (...parts: string[]) => createHash(hashName).update(parts.join(':')).digest('hex');
  const plain = hash(username, unquoted(realm), password);
  const secret = /-sess$/i.test(algorithm ?? '') ? hash(plain, unquoted(nonce), ownNonce) : plain;
  const asked = hash(method, uri);
  const uses = count.toString(16).padStart(8, '0');
  const response = qop === undefined ? hash(secret, unquoted(nonce), asked) : hash(secret, unquoted(nonce), uses, ownNonce, 'auth', asked);
  // The header is written as latin1: the name's bytes are those of UTF-8.
  const name = Buffer.from(username.replaceAll(/["\\]/g, String.raw`\$&`)).toString('latin1');
  return `Digest ${[
    `username="${name}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    `response="${response}"`,
    ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
    ...(qop === undefined && !/-sess$/i.test(algorithm ?? '') ? [] : [`cnonce="${ownNonce}"`]),
    ...(qop === undefined ? [] : ['qop=auth', `nc=${uses}`]),
  ].join(', ')}`;
}

/** -1: cannot be answered. 0: basic. Otherwise the place of its hash, from 1. */
function strength(challenge: Challenge): number {
  if (isBasic(challenge)) return 0;
  const { qop, algorithm = 'MD5' } = challenge.fields;
  const protects = qop === undefined || qop.split(',').some((option) => option.trim().toLowerCase() === 'auth');
  const place = HASHES.findIndex(([name]) => name === algorithm.toUpperCase().replace(/-SESS$/, ''));
  return challenge.scheme.toLowerCase() === 'digest' && protects && place >= 0 ? place + 1 : -1;
}

function isBasic({ scheme }: Challenge): boolean {
  return scheme.toLowerCase() === 'basic';
}

/** Of the values of WWW-Authenticate, each of which may hold several. https://www.rfc-editor.org/rfc/rfc7235#section-4.1 */
export function parseChallenges(values: readonly string[]): Challenge[] {
  const challenges: { scheme: string; fields: Record<string, string> }[] = [];
  const part = /([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|([A-Za-z][\w-]*)/g;
  for (const [, key, quoted, bare, scheme] of values.flatMap((value) => [...value.matchAll(part)])) {
    if (scheme !== undefined) challenges.push({ scheme, fields: {} });
    else if (challenges.length > 0) challenges.at(-1)!.fields[key!.toLowerCase()] ??= quoted ?? bare ?? '';
  }
  return challenges;
}

/** Whether the camera asks again only because its nonce is used up. */
export function areStale(challenges: readonly Challenge[]): boolean {
  return challenges.some(({ fields }) => fields['stale']?.toLowerCase() === 'true');
}

function unquoted(text: string): string {
  return text.replaceAll(/\\(.)/g, '$1');
}
