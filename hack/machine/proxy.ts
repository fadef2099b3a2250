/**
 * An unreliable connection to an API server: passes requests on, and breaks them on demand. It terminates TLS with the
 * server's own certificate, so that it can break an answer in its middle, or answer itself.
 */
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ControlPlane } from './control-plane.ts';
import { Link } from './link.ts';

/**
 * What one request gets instead of its answer: a refusal, the first half of the answer and then nothing, or the end of
 * its connection once the server has answered.
 */
export type Broken = Refusal | 'half' | 'lost';

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds?: number;
}

interface Planned {
  readonly matches: (url: URL) => boolean;
  readonly broken: Broken;
  readonly met: () => void;
}

interface Exchange {
  readonly url: URL;
  readonly response: ServerResponse;
  /** Passes nothing on any more, as when the state of a firewall was lost. */
  swallowed: boolean;
}

export const isWatch = (url: URL): boolean => url.searchParams.get('watch') === 'true';
export const isList = (url: URL): boolean => !isWatch(url);

export class BreakingProxy {
  /** A file whose server is this proxy. */
  readonly kubeconfig: string;
  readonly #server: Server;
  readonly #upstream: string;
  /** In front of the server: connections break there, requests here. */
  readonly #link: Link;
  readonly #exchanges = new Set<Exchange>();
  #planned: Planned[] = [];
  #swallowing = false;
  #delayMs = 0;
  #hindered = 0;
  #conflicts = 0;

  private constructor(server: Server, link: Link, plane: ControlPlane) {
    this.#server = server;
    this.#link = link;
    this.#upstream = plane.url;
    this.kubeconfig = plane.writeKubeconfig(`kubeconfig-${link.port}`, `https://${link.address}`);
    server.on('request', (request, response) => this.#pass(request, response));
    // The sockets below TLS, which the link resets.
    server.on('connection', (socket: Socket) => socket.on('error', () => undefined));
  }

  static async start(plane: ControlPlane): Promise<BreakingProxy> {
    const server = createServer({ cert: readFileSync(plane.certificate), key: readFileSync(plane.certificateKey) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new BreakingProxy(server, await Link.to((server.address() as AddressInfo).port), plane);
  }

  /** Connections that were reset or refused, and requests that were broken or answered late. */
  get hindered(): number {
    return this.#hindered + this.#link.hindered;
  }

  /** Answers of the server that say that the object has changed meanwhile. */
  get conflicts(): number {
    return this.#conflicts;
  }

  /** Watches that are open now. */
  get watches(): number {
    return [...this.#exchanges].filter(({ url, swallowed }) => isWatch(url) && !swallowed).length;
  }

  /** Ends every watch as a server does that closes it in order. */
  closeWatches(): void {
    for (const { url, response } of this.#exchanges) if (isWatch(url)) response.end();
  }

  /** Resets every connection. */
  reset(): void {
    this.#link.cut();
  }

  /** Resets every connection, and every new one until it heals. */
  refuse(): void {
    this.#link.refuse();
  }

  /** Open exchanges get no more bytes, and new ones none until it heals. */
  swallow(): void {
    this.#swallowing = true;
    for (const exchange of this.#exchanges) exchange.swallowed = true;
  }

  /** Every answer comes that much later. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  heal(): void {
    this.#swallowing = false;
    this.#link.heal();
  }

  /** Breaks the next request that matches. Resolves when it has come. */
  breakNext(matches: (url: URL) => boolean, broken: Broken): Promise<void> {
    return new Promise((met) => this.#planned.push({ matches, broken, met }));
  }

  async stop(): Promise<void> {
    await this.#link.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, this.#upstream);
    const exchange: Exchange = { url, response, swallowed: this.#swallowing };
    this.#exchanges.add(exchange);
    response.once('close', () => this.#exchanges.delete(exchange));
    if (exchange.swallowed) return;
    const broken = this.#take(url);
    if (broken !== undefined || this.#delayMs > 0) this.#hindered += 1;
    if (typeof broken === 'object') return refuse(response, broken);
    const { method, headers } = request;
    const answered = (answer: IncomingMessage) => {
      if (answer.statusCode === 409) this.#conflicts += 1;
      if (broken === 'lost') response.destroy();
      // Closed, or broken, while the server thought about it.
      if (response.writableEnded || response.destroyed) {
        upstream.destroy();
        return;
      }
      response.writeHead(answer.statusCode!, answer.headers);
      // Otherwise the headers of a watch would wait for its first event.
      response.flushHeaders();
      answer.on('data', (chunk: Buffer) => {
        if (exchange.swallowed) return;
        response.write(broken === 'half' ? chunk.subarray(0, chunk.length / 2) : chunk);
        if (broken === 'half') exchange.swallowed = true;
      });
      answer.once('end', () => exchange.swallowed || response.end());
      answer.once('error', () => response.destroy());
    };
    const upstream = httpsRequest(url, { method, headers, rejectUnauthorized: false }, (answer) => {
      if (this.#delayMs === 0) answered(answer);
      else setTimeout(() => answered(answer), this.#delayMs);
    });
    upstream.once('error', () => response.destroy());
    response.once('close', () => upstream.destroy());
    request.pipe(upstream);
  }

  #take(url: URL): Broken | undefined {
    const planned = this.#planned.find(({ matches }) => matches(url));
    if (planned === undefined) return undefined;
    this.#planned = this.#planned.filter((other) => other !== planned);
    planned.met();
    return planned.broken;
  }
}

function refuse(response: ServerResponse, { status: code, reason, retryAfterSeconds }: Refusal): void {
  const headers = {
    'content-type': 'application/json',
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  };
  response
    .writeHead(code, headers)
    .end(JSON.stringify({ apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message: `the proxy says ${reason}` }));
}
