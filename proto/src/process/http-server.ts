/** The HTTP side that every process shows: `/healthz`, `/readyz`, `/metrics`, and routes of its own. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { peerOf } from '../wire/connection-limiter.ts';
import type { Metrics } from './metrics.ts';

/** The kubelet, a Prometheus or two and some readers; each may have 16 KiB of headers and a page of some 64 KiB under way. */
const MAX_CONNECTIONS = 128;
/** Of one peer: a client that opens connections without end must not keep the kubelet out, which would restart the pod. */
const MAX_CONNECTIONS_OF_PEER = 32;
/** For a request to be there, and for a page to be taken. */
const REQUEST_MS = 5_000;
const IDLE_MS = 30_000;

export type Route = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpServer {
  readonly port: number;
  stop(): Promise<void>;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  readonly metrics: Metrics;
  /** A sentence on what is missing, or nothing when the process can do its work. */
  readonly unready: () => string | undefined;
  readonly routes?: Readonly<Record<string, Route>>;
}

export async function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const routes: Record<string, Route> = {
    '/healthz': (_, response) => text(response, 200, 'ok\n'),
    '/readyz': (_, response) => {
      const missing = options.unready();
      text(response, missing === undefined ? 200 : 503, `${missing ?? 'ok'}\n`);
    },
    '/metrics': (_, response) => {
      options.metrics.render().then(
        (page) => response.writeHead(200, { 'content-type': options.metrics.contentType }).end(page),
        () => text(response, 500, 'metrics could not be collected\n'),
      );
    },
    ...options.routes,
  };
  const server = createServer(
    { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: REQUEST_MS / 4 },
    (request, response) => {
      const route = routes[(request.url ?? '/').split('?', 1)[0]!];
      if (route === undefined) return text(response, 404, `no such page; there are ${Object.keys(routes).join(', ')}\n`);
      if (request.method !== 'GET' && request.method !== 'HEAD') return text(response, 405, 'only GET is served\n');
      route(request, response);
    },
  );
  limitConnections(server);
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function limitConnections(server: Server): void {
  const ofPeer = new Map<string, number>();
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_MS);
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket.remoteAddress ?? '');
    const open = (ofPeer.get(peer) ?? 0) + 1;
    ofPeer.set(peer, open);
    socket.once('close', () => {
      const rest = ofPeer.get(peer)! - 1;
      if (rest === 0) ofPeer.delete(peer);
      else ofPeer.set(peer, rest);
    });
    if (open > MAX_CONNECTIONS_OF_PEER) socket.destroy();
  });
}

function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`Cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, () => resolve());
  });
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}
