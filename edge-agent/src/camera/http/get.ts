/**
 * Asks a server for a resource over HTTP or HTTPS. Each connection goes through the guard, those of redirections, too; a login
 * is for the address that the CameraStream names, and for no other.
 */
import { type IncomingMessage, request } from 'node:http';
import { scrub } from '#proto/process/scrub.ts';
import type { CameraSource } from '../camera.ts';
import { readAsking } from '../credentials.ts';
import { forbiddenFault, loginFault, pathUnknownFault, refusedFault, unauthorizedFault, unreachableFault } from '../faults.ts';
import type { Guard, Trust } from '../guard.ts';
import { areStale, Login, parseChallenges } from '../login.ts';

const MAX_REDIRECTS = 5;
const MAX_HEADER_BYTES = 16 * 1024;
/** The first with a nonce from before, or without one. */
const MAX_LOGINS = 2;

export interface GetOptions {
  /** Of something that belongs to the source. By default its own. */
  readonly url?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface Answer {
  readonly message: IncomingMessage;
  /** After redirections: what the answer names is relative to it. */
  readonly url: string;
}

/**
 * Returns the answer, of status 200 or, for a part, 206; its body ends with an error where the connection breaks.
 * @throws CameraFault, the signal's reason.
 */
export async function get(
  source: CameraSource,
  guard: Guard,
  signal: AbortSignal,
  { url: other, headers = {} }: GetOptions = {},
): Promise<Answer> {
  const { access, bearerToken, trust } = await readAsking(source);
  let url = new URL(other ?? access.url);
  const { origin } = new URL(access.url);
  for (let redirects = 0; ; redirects += 1) {
    const own = url.origin === origin;
    // Leads to the same host, and names nothing that the Secret holds.
    const shown = own && redirects === 0 && other === undefined ? source.url : `${url.origin}/`;
    const login = own && access.login !== undefined ? new Login(access.login) : undefined;
    const token = own && bearerToken !== undefined ? `Bearer ${bearerToken}` : undefined;
    const answer = await ask({ url, shown, guard, trust, login, token, headers }, signal);
    const { statusCode = 0, statusMessage = '', headers: answered } = answer;
    if (statusCode === 200 || statusCode === 206) return { message: answer, url: url.href };
    answer.destroy();
    const target = statusCode >= 300 && statusCode < 400 && answered.location !== undefined ? URL.parse(answered.location, url.href) : null;
    if (target === null) throw statusFault(shown, statusCode, scrub(statusMessage, access.secrets));
    if (redirects === MAX_REDIRECTS) throw forbiddenFault(source.url, `it redirects more than ${MAX_REDIRECTS} times`);
    if (!['http:', 'https:'].includes(target.protocol) || (url.protocol === 'https:' && target.protocol === 'http:'))
      throw forbiddenFault(source.url, `it redirects to ${target.protocol}//, which is not followed from ${url.protocol}//`);
    url = target;
  }
}

interface Question {
  readonly url: URL;
  readonly shown: string;
  readonly guard: Guard;
  readonly trust: Trust;
  readonly login: Login | undefined;
  readonly token: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers a request for a login. */
async function ask(question: Question, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, shown, login, token } = question;
  for (let logins = 0; ; logins += 1) {
    const answer = await askOnce(question, token ?? login?.authorize('GET', url.pathname + url.search), signal);
    if (answer.statusCode !== 401 || login === undefined || logins === MAX_LOGINS) return answer;
    const asked = answer.headers['www-authenticate'] ?? '';
    const challenges = parseChallenges([asked]);
    if (logins > 0 && !areStale(challenges)) return answer;
    answer.destroy();
    if (!login.take(challenges)) throw loginFault(shown, asked);
  }
}

async function askOnce(
  { url, shown, guard, trust, headers }: Question,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { socket } = await guard.connect(shown, signal, trust);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asking = request({
    createConnection: () => socket,
    path: url.pathname + url.search,
    setHost: false,
    headers: {
      host: url.host,
      'user-agent': 'footfall',
      accept: '*/*',
      'accept-encoding': 'identity',
      connection: 'close',
      ...headers,
      ...(authorization !== undefined && { authorization }),
    },
    maxHeaderSize: MAX_HEADER_BYTES,
    // Cameras end lines without a carriage return; nothing but this reader depends on where an answer ends.
    insecureHTTPParser: true,
    signal,
  });
  asking.on('response', resolve).on('error', reject).end();
  try {
    return await promise;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    const broken = error as NodeJS.ErrnoException;
    throw broken.code?.startsWith('HPE_') === true
      ? forbiddenFault(shown, 'what answers there does not speak HTTP')
      : unreachableFault(shown, broken);
  }
}

function statusFault(shown: string, status: number, message: string) {
  if (status === 401 || status === 403) return unauthorizedFault(shown);
  if (status === 404 || status === 410) return pathUnknownFault(shown);
  return refusedFault(shown, `${status} ${message.replaceAll(/[^ -~]/g, '?').slice(0, 100)}`.trim());
}
