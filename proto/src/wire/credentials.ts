/** How agent and counter know each other: the counter by a certificate, over TLS 1.3 only; the agent by a bearer token. */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/** What a counter identifies itself by: a chain and its key, PEM. */
export interface ServerCertificate {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** What an agent trusts counters by, and identifies itself by. */
export interface AgentCredentials {
  /** PEM: a server that these have certified under the name is a counter. */
  readonly authorities: Buffer;
  /** In the certificate, whatever address is dialed. */
  readonly serverName: string;
  readonly token: string;
}

/** Neither side is older than this. */
export const OLDEST_TLS = { minVersion: 'TLSv1.3' } as const satisfies SecureContextOptions;
const IN_A_HEADER = /^[\x21-\x7e]*$/;
/** RFC 6750. */
const TOKEN = /^[\w.~+/-]+=*$/;

/** @throws Error when the certificate is unsound: gRPC would take it without a word, and serve no caller from then on. */
export function serverContext({ certificate, key }: ServerCertificate): SecureContextOptions {
  const context = { cert: certificate, key, ...OLDEST_TLS };
  createSecureContext(context);
  return context;
}

/** @throws Error when the authorities are none. */
export function agentContext({ authorities }: AgentCredentials): SecureContext {
  return createSecureContext({ ca: authorities, ...OLDEST_TLS });
}

/** The agent's Authorization header. @throws Error that does not repeat the token, as gRPC's would. */
export function authorizationOf({ token }: AgentCredentials): string {
  if (!IN_A_HEADER.test(token)) throw new Error("The agent's token is not one that can be sent.");
  return `Bearer ${token}`;
}

/** The token in an Authorization header. */
export function bearerToken(header: string | Buffer | undefined): string | undefined {
  const token = typeof header === 'string' ? /^Bearer (.*)$/i.exec(header)?.[1] : undefined;
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}
