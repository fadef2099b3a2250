/** How a camera asks for a login, and checks it: basic, and digest by RFC 2069 and RFC 7616. */
import { createHash, randomBytes } from 'node:crypto';

export interface Login {
  readonly username: string;
  readonly password: string;
  /** Those that it offers, in this order; each in a challenge of its own. */
  readonly schemes: readonly ('Basic' | 'MD5' | 'MD5-sess' | 'SHA-256' | 'SHA-256-sess')[];
  /** Whether it offers qop=auth; without, as in RFC 2069. */
  readonly qop?: boolean;
  /** How many requests one nonce is good for. */
  readonly nonceUses?: number;
}

/** For one connection. */
export class LoginDesk {
  readonly #login: Login;
  readonly #host: string | undefined;
  /** How often each nonce was used. */
  readonly #nonces = new Map<string, number>();

  /** @param host that the address in an answer must name, if any. */
  constructor(login: Login, host: string | undefined) {
    this.#login = login;
    this.#host = host;
  }

  /** Lines of a 401 answer; none when the login is right. @param authorization as bytes of latin1. */
  challenges(method: string, authorization = ''): string[] {
    const { schemes, qop = true } = this.#login;
    const verdict = authorization.startsWith('Basic ') ? this.#checkBasic(authorization) : this.#checkDigest(method, authorization);
    if (verdict === 'right') return [];
    const nonce = randomBytes(8).toString('hex');
    this.#nonces.set(nonce, 0);
    return schemes.map((scheme) => {
      if (scheme === 'Basic') return 'WWW-Authenticate: Basic realm="camera"';
      const options = [qop && 'qop="auth"', verdict === 'stale' && 'stale=TRUE', scheme !== 'MD5' && `algorithm=${scheme}`];
      return ['WWW-Authenticate: Digest realm="camera"', `nonce="${nonce}"`, ...options.filter(Boolean)].join(', ');
    });
  }

  #checkBasic(authorization: string): 'right' | 'wrong' {
    const { username, password, schemes } = this.#login;
    const isRight = Buffer.from(authorization.slice(6), 'base64').toString() === `${username}:${password}`;
    return isRight && schemes.includes('Basic') ? 'right' : 'wrong';
  }

  /** https://www.rfc-editor.org/rfc/rfc7616#section-3.4 */
  #checkDigest(method: string, authorization: string): 'right' | 'wrong' | 'stale' {
    const { username, password, schemes, qop = true, nonceUses = Infinity } = this.#login;
    const pairs = authorization.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g);
    const unquoted = (text: string) => Buffer.from(text.replaceAll(/\\(.)/g, '$1'), 'latin1').toString();
    const fields: Record<string, string> = Object.fromEntries([...pairs].map(([, key, quoted, bare]) => [key!, unquoted(quoted ?? bare!)]));
    const { nonce = '', cnonce = '', nc = '', uri = '', response, algorithm = 'MD5' } = fields;
    const uses = this.#nonces.get(nonce);
    if (uses === undefined || fields['username'] !== username || !schemes.some((scheme) => scheme === algorithm)) return 'wrong';
    const name = algorithm.startsWith('SHA-256') ? 'sha256' : 'md5';
    const hash = (...parts: string[]) => createHash(name).update(parts.join(':')).digest('hex');
    const plain = hash(username, 'camera', password);
    const secret = algorithm.endsWith('-sess') ? hash(plain, nonce, cnonce) : plain;
    const asked = hash(method, uri);
    if (response !== (qop ? hash(secret, nonce, nc, cnonce, 'auth', asked) : hash(secret, nonce, asked))) return 'wrong';
    if (this.#host !== undefined && new URL(uri).host !== this.#host) return 'wrong';
    this.#nonces.set(nonce, uses + 1);
    return uses < nonceUses ? 'right' : 'stale';
  }
}
