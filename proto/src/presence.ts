/** The HTTP side that every process shows: `/healthz`, `/readyz`, `/metrics`, and routes of its own. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

export type Route = (request: IncomingMessage, response: ServerResponse) => void;

export interface Presence {
  readonly port: number;
  stop(): Promise<void>;
}

export interface PresenceOptions {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  readonly metrics: Metrics;
  /** A sentence on what is missing, or nothing when the process can do its work. */
  readonly unready: () => string | undefined;
  readonly routes?: Readonly<Record<string, Route>>;
}

export async function servePresence(options: PresenceOptions): Promise<Presence> {
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
  const server = createServer((request, response) => {
    const route = routes[(request.url ?? '/').split('?', 1)[0]!];
    if (route === undefined) return text(response, 404, `no such page; there are ${Object.keys(routes).join(', ')}\n`);
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(response, 405, 'only GET is served\n');
    route(request, response);
  });
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

function listen(server: Server, { host, port }: PresenceOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`Cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, () => resolve());
  });
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}
