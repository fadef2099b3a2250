/**
 * The way to a Kubernetes API server: the only file that knows the client library, which brings the credentials, and
 * its HTTP client. All requests share one pool of kept-alive connections; what they share with other processes is `ApiServer`.
 */
import { KubeConfig, type KubernetesObject, RequestContext } from '@kubernetes/client-node';
import { type Dispatcher, fetch } from 'undici';
import { type ApiServer, ApiFault, type ListOptions, type ObjectRef, type Page, pathOf, type Resource, type WatchEvent } from './api.ts';
import { linesOf } from './lines.ts';

/** A server that has not begun to answer after this long is as good as away. Watches answer at once, then go on. */
const ANSWER_SECONDS = 30;

export interface ConnectOptions {
  /** A kubeconfig; left out, the pod's own service account, or else what kubectl would take. */
  readonly kubeconfig?: string;
  readonly userAgent: string;
}

interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

/** @throws Error with a sentence when no cluster is configured. */
export function connect({ kubeconfig, userAgent }: ConnectOptions): ApiServer {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('No Kubernetes cluster is configured: set KUBECONFIG, or run in a pod with a service account.');
  return new Client(config, server.replace(/\/$/, ''), userAgent);
}

class Client implements ApiServer {
  readonly #config: KubeConfig;
  readonly #server: string;
  readonly #userAgent: string;
  #dispatcher: Dispatcher | undefined;

  constructor(config: KubeConfig, server: string, userAgent: string) {
    this.#config = config;
    this.#server = server;
    this.#userAgent = userAgent;
  }

  get<T extends KubernetesObject>(resource: Resource, ref: ObjectRef, signal?: AbortSignal): Promise<T> {
    return this.#answer<T>({ method: 'GET', path: pathOf(resource, ref), signal });
  }

  list<T extends KubernetesObject>(resource: Resource, options: ListOptions, signal?: AbortSignal): Promise<Page<T>> {
    const { namespace, ...query } = options;
    return this.#answer<Page<T>>({ method: 'GET', path: pathOf(resource, { namespace }), query, signal });
  }

  async *watch<T extends KubernetesObject>(resource: Resource, options: ListOptions & { resourceVersion: string }, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const { namespace, ...query } = options;
    const path = pathOf(resource, { namespace });
    const response = await this.#send({ method: 'GET', path, query: { ...query, watch: true, allowWatchBookmarks: true }, signal });
    for await (const line of linesOf(response.body ?? [])) {
      const event = JSON.parse(line) as WatchEvent<T> | { type: 'ERROR'; object: { code?: number; reason?: string; message?: string } };
      if (event.type === 'ERROR') throw faultOf(event.object.code ?? 500, event.object, undefined);
      yield event;
    }
  }

  create<T extends KubernetesObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T> {
    const { namespace } = object.metadata ?? {};
    return this.#answer<T>({ method: 'POST', path: pathOf(resource, { namespace }), body: object, signal });
  }

  replace<T extends KubernetesObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T> {
    return this.#answer<T>({ method: 'PUT', path: pathOf(resource, refOf(object)), body: object, signal });
  }

  apply<T extends KubernetesObject>(
    resource: Resource,
    object: KubernetesObject,
    options: { fieldManager: string; subresource?: string },
    signal?: AbortSignal,
  ): Promise<T> {
    const { fieldManager, subresource } = options;
    return this.#answer<T>({
      method: 'PATCH',
      path: `${pathOf(resource, refOf(object))}${subresource === undefined ? '' : `/${subresource}`}`,
      query: { fieldManager, force: true },
      body: object,
      contentType: 'application/apply-patch+yaml',
      signal,
    });
  }

  merge<T extends KubernetesObject>(resource: Resource, ref: ObjectRef, patch: object, signal?: AbortSignal): Promise<T> {
    return this.#answer<T>({ method: 'PATCH', path: pathOf(resource, ref), body: patch, contentType: 'application/merge-patch+json', signal });
  }

  async delete(resource: Resource, ref: ObjectRef, signal?: AbortSignal): Promise<void> {
    const response = await this.#send({ method: 'DELETE', path: pathOf(resource, ref), body: { propagationPolicy: 'Background' }, signal });
    await response.body?.cancel();
  }

  async close(): Promise<void> {
    await this.#dispatcher?.close();
  }

  async #answer<T>(request: Request): Promise<T> {
    const response = await this.#send(request);
    return (await response.json()) as T;
  }

  async #send(request: Request) {
    const { method, path, query = {}, body, contentType = 'application/json', signal } = request;
    const url = new URL(this.#server + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const context = new RequestContext(url.href, method);
    // Reads a service account's token again when it was rotated.
    await this.#config.applySecurityAuthentication(context);
    // The library makes a pool for each request; the first one serves them all.
    this.#dispatcher ??= context.getDispatcher();
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`the API server did not answer within ${ANSWER_SECONDS} s`)), ANSWER_SECONDS * 1000);
    try {
      const response = await fetch(url, {
        method,
        headers: { ...context.getHeaders(), 'user-agent': this.#userAgent, 'content-type': contentType, accept: 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(this.#dispatcher !== undefined && { dispatcher: this.#dispatcher }),
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      });
      if (response.ok) return response;
      const status = (await response.json().catch(() => ({}))) as { reason?: string; message?: string };
      throw faultOf(response.status, status, response.headers.get('retry-after'));
    } catch (error) {
      if (error instanceof ApiFault || signal?.aborted === true) throw error;
      throw new ApiFault({ code: 0, reason: 'Unreachable', message: `the API server cannot be reached: ${causeOf(error)}` });
    } finally {
      clearTimeout(timer);
    }
  }
}

function refOf({ metadata }: KubernetesObject): ObjectRef {
  return { namespace: metadata?.namespace, name: metadata?.name };
}

function faultOf(code: number, status: { reason?: string; message?: string }, retryAfter: string | null | undefined): ApiFault {
  const seconds = Number(retryAfter ?? NaN);
  return new ApiFault({
    code,
    reason: status.reason ?? '',
    message: status.message ?? `the API server answered ${code}`,
    ...(Number.isFinite(seconds) && { retryAfterSeconds: seconds }),
  });
}

/** undici says "fetch failed" and hides the reason one or two causes deep. */
function causeOf(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause);
}
