/**
 * What ffmpeg asks and a camera answers, each changed where the other must not or cannot have it as it is:
 *
 *   request   names the camera instead of the relay, and carries the login that the camera has asked for
 *   answer    401 is answered here, as long as there is a login to answer with
 *             a description lists one video and nothing else
 *
 * So ffmpeg learns neither user nor password.
 */
import type { Credentials } from '../credentials.ts';
import { areStale, Login, parseChallenges } from '../login.ts';

/** A camera may ask again because its nonce is used up, but not for ever. */
const MOST_ATTEMPTS = 3;

interface Request {
  readonly method: string;
  readonly uri: string;
  /** Below the first, without CSeq. */
  readonly lines: readonly string[];
  /** ffmpeg's. */
  readonly cseq: string;
  readonly attempts: number;
  readonly withLogin: boolean;
}

export interface Answer {
  /** For ffmpeg. */
  readonly passed?: Buffer;
  /** For the camera. */
  readonly asked?: Buffer;
}

export class Conversation {
  /** Whether the camera has agreed to play. */
  playing = false;
  /** How many videos the camera has described. */
  videos = 0;
  /** How the camera asks for a login, where none of it can be answered. */
  unanswerable: string | undefined;
  readonly #relayUrl: string;
  readonly #cameraUrl: string;
  readonly #login: Login | undefined;
  /** Not answered yet, by the number that the camera knows it by. */
  readonly #pending = new Map<number, Request>();
  #number = 0;
  /** Whether the camera has accepted the login. */
  #accepted = false;

  /** @param relayUrl what ffmpeg takes for the camera's address. */
  constructor(relayUrl: string, cameraUrl: string, credentials: Credentials | undefined) {
    this.#relayUrl = relayUrl;
    this.#cameraUrl = cameraUrl;
    this.#login = credentials && new Login(credentials);
  }

  /** @param text lines of ffmpeg, up to an empty one. */
  request(text: string): Buffer {
    const [first = '', ...lines] = text.trimEnd().split('\r\n');
    const [, method, uri] = /^([A-Z_]+) (\S+) RTSP\/1\.0$/.exec(first) ?? [];
    // It answers a request of the camera.
    if (method === undefined || uri === undefined) return Buffer.from(text, 'latin1');
    return this.#ask({
      method,
      uri: uri.startsWith(this.#relayUrl) ? this.#cameraUrl + uri.slice(this.#relayUrl.length) : uri,
      lines: lines.filter((line) => !/^(cseq|authorization):/i.test(line)),
      cseq: valueOf('cseq', lines) ?? '0',
      attempts: 0,
      withLogin: false,
    });
  }

  /** @param text lines of the camera, up to an empty one. */
  answer(text: string, body: Buffer): Answer {
    const [first = '', ...lines] = text.trimEnd().split('\r\n');
    const request = first.startsWith('RTSP/') ? this.#asked(lines) : undefined;
    if (request === undefined) return { passed: joined([first, ...lines], body) };
    const status = /^\S+ (\d+)/.exec(first)?.[1];
    if (status === '401') {
      const again = this.#askWithLogin(request, lines);
      if (again !== undefined) return { asked: again };
    }
    if (status === '200') {
      this.#accepted ||= request.withLogin;
      this.playing ||= request.method === 'PLAY';
    }
    const described = request.method === 'DESCRIBE' ? this.#oneVideo(body) : body;
    const passed = lines.filter((line) => !/^(cseq|www-authenticate|content-length):/i.test(line));
    const length = body.length === 0 ? [] : [`Content-Length: ${described.length}`];
    return { passed: joined([first, `CSeq: ${request.cseq}`, ...passed, ...length], described) };
  }

  #ask(request: Request): Buffer {
    this.#number += 1;
    const { method, uri, lines } = request;
    const authorization = this.#login?.authorize(method, uri);
    this.#pending.set(this.#number, { ...request, attempts: request.attempts + 1, withLogin: authorization !== undefined });
    const login = authorization === undefined ? [] : [`Authorization: ${authorization}`];
    return joined([`${method} ${uri} RTSP/1.0`, `CSeq: ${this.#number}`, ...lines, ...login]);
  }

  /** Undefined where there is nothing better to say than before. */
  #askWithLogin(request: Request, lines: readonly string[]): Buffer | undefined {
    const challenges = parseChallenges(lines.flatMap((line) => /^www-authenticate:(.*)/i.exec(line)?.[1] ?? []));
    const usedUp = areStale(challenges) || this.#accepted;
    if (this.#login === undefined || request.attempts >= MOST_ATTEMPTS || (request.withLogin && !usedUp)) return undefined;
    if (this.#login.take(challenges)) return this.#ask(request);
    this.unanswerable = challenges.map(({ scheme, fields }) => [scheme, fields['algorithm'] ?? []].flat().join(' ')).join(', ');
    return undefined;
  }

  /** Some cameras number their answers wrongly, or not at all: then it is the oldest. */
  #asked(lines: readonly string[]): Request | undefined {
    const named = Number(valueOf('cseq', lines));
    const number = this.#pending.has(named) ? named : this.#pending.keys().next().value;
    const request = number === undefined ? undefined : this.#pending.get(number);
    if (number !== undefined) this.#pending.delete(number);
    return request;
  }

  /** The first that is listed: cameras and recorders list their main stream first. */
  #oneVideo(body: Buffer): Buffer {
    const [session = '', ...media] = body.toString('latin1').split(/^(?=m=)/m);
    const videos = media.filter((section) => section.startsWith('m=video'));
    this.videos = videos.length;
    return videos.length === 0 ? body : Buffer.from(session + videos[0]!, 'latin1');
  }
}

function valueOf(name: string, lines: readonly string[]): string | undefined {
  return lines
    .find((line) => line.toLowerCase().startsWith(`${name}:`))
    ?.slice(name.length + 1)
    .trim();
}

function joined(lines: readonly string[], body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([...lines, '', ''].join('\r\n'), 'latin1'), body]);
}
