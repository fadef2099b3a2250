/**
 * The client of a Kubernetes API server: the only file that imports the client library, for its credentials, and the HTTP
 * client. All requests share one pool of keep-alive connections.
 */
import { KubeConfig, RequestContext } from '@kubernetes/client-node';
import { type Dispatcher, fetch, type Response } from 'undici';
import {
  type ApiServer,
  ApiFault,
  type ApplyOptions,
  type KubernetesObject,
  type ListOptions,
  type ObjectRef,
  type Page,
  pathOf,
  type Resource,
  type WatchEvent,
} from './api.ts';
import { linesOf } from './lines.ts';

/** A request without a complete answer after this time has failed. The answer to a watch is complete when it begins. */
const ANSWER_SECONDS = 30;

export interface ConnectOptions {
  /** A kubeconfig; left out, the one that kubectl would use, or the pod's service account. */
  readonly kubeconfig?: string;
  readonly userAgent: string;
  /** Called for each request when it is answered or has failed; for a watch, when it has begun. */
  readonly onRequest?: (request: AnsweredRequest) => void;
  readonly answerSeconds?: number;
}

export interface AnsweredRequest {
  readonly method: string;
  readonly verb: Verb;
  /** Of the resource, such as camerastreams. */
  readonly plural: string;
  /** HTTP status; 0 when there was no answer. */
  readonly code: number;
  readonly seconds: number;
}

/** As in roles; `apply` is the patch of a server-side apply. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'apply' | 'patch' | 'delete';

interface Request {
  readonly verb: Verb;
  readonly resource: Resource;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

/** The library's default without a configuration: an API server without TLS. */
const NOWHERE = 'http://localhost:8080';

/** @throws Error with a sentence when no cluster is configured. */
export function connect(options: ConnectOptions): ApiServer {
  const config = configured(options.kubeconfig);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined || server === NOWHERE)
    throw new Error('No Kubernetes cluster is configured: set KUBECONFIG, or run in a pod with a service account.');
  return new Client(config, server.replace(/\/$/, ''), options);
}

function configured(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new Error(`The kubeconfig cannot be read: ${causeOf(error)}.`, { cause: error });
  }
  return config;
}

class Client implements ApiServer {
  readonly #config: KubeConfig;
  readonly #server: string;
  readonly #options: ConnectOptions;
  #dispatcher: Dispatcher | undefined;

  constructor(config: KubeConfig, server: string, options: ConnectOptions) {
    this.#config = config;
    this.#server = server;
    this.#options = options;
  }

  get<T extends KubernetesObject>(resource: Resource, ref: ObjectRef, signal?: AbortSignal): Promise<T> {
    return this.#answer<T>({ verb: 'get', resource, method: 'GET', path: pathOf(resource, ref), signal });
  }

  list<T extends KubernetesObject>(resource: Resource, options: ListOptions, signal?: AbortSignal): Promise<Page<T>> {
    const { namespace, ...query } = options;
    return this.#answer<Page<T>>({ verb: 'list', resource, method: 'GET', path: pathOf(resource, { namespace }), query, signal });
  }

  async *watch<T extends KubernetesObject>(
    resource: Resource,
    options: ListOptions & { resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const { namespace, ...query } = options;
    const path = pathOf(resource, { namespace });
    const request = {
      verb: 'watch',
      resource,
      method: 'GET',
      path,
      query: { ...query, watch: true, allowWatchBookmarks: true },
      signal,
    } as const;
    const response = await this.#send(request, (began) => Promise.resolve(began));
    try {
      for await (const line of linesOf(response.body ?? [])) {
        const event = JSON.parse(line) as WatchEvent<T> | { type: 'ERROR'; object: { code?: number; reason?: string; message?: string } };
        if (event.type === 'ERROR') throw faultOf(event.object.code ?? 500, event.object, undefined);
        yield event;
      }
    } catch (error) {
      throw signal.aborted ? signal.reason : asFault(error);
    }
  }

  create<T extends KubernetesObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T> {
    const { namespace } = object.metadata ?? {};
    return this.#answer<T>({
      verb: 'create',
      resource,
      method: 'POST',
      path: pathOf(resource, { namespace }),
      query: { fieldValidation: 'Strict' },
      body: object,
      signal,
    });
  }

  replace<T extends KubernetesObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T> {
    return this.#answer<T>({ verb: 'update', resource, method: 'PUT', path: pathOf(resource, refOf(object)), body: object, signal });
  }

  apply<T extends KubernetesObject>(resource: Resource, object: KubernetesObject, options: ApplyOptions, signal?: AbortSignal): Promise<T> {
    const { fieldManager, subresource, force = true } = options;
    return this.#answer<T>({
      verb: 'apply',
      resource,
      method: 'PATCH',
      path: `${pathOf(resource, refOf(object))}${subresource === undefined ? '' : `/${subresource}`}`,
      query: { fieldManager, force },
      body: object,
      contentType: 'application/apply-patch+yaml',
      signal,
    });
  }

  merge<T extends KubernetesObject>(resource: Resource, ref: ObjectRef, patch: object, signal?: AbortSignal): Promise<T> {
    return this.#answer<T>({
      verb: 'patch',
      resource,
      method: 'PATCH',
      path: pathOf(resource, ref),
      body: patch,
      contentType: 'application/merge-patch+json',
      signal,
    });
  }

  async delete(resource: Resource, ref: ObjectRef, signal?: AbortSignal): Promise<void> {
    await this.#answer({
      verb: 'delete',
      resource,
      method: 'DELETE',
      path: pathOf(resource, ref),
      body: { propagationPolicy: 'Background' },
      signal,
    });
  }

  async close(): Promise<void> {
    await this.#dispatcher?.close();
  }

  #answer<T>(request: Request): Promise<T> {
    return this.#send(request, async (response) => (await response.json()) as T);
  }

  /** @param read reads the answer, within the same time limit */
  async #send<T>(request: Request, read: (response: Response) => Promise<T>): Promise<T> {
    const { answerSeconds = ANSWER_SECONDS, onRequest } = this.#options;
    const {
      verb,
      method,
      resource: { plural },
      signal,
    } = request;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`the API server did not answer within ${answerSeconds} s`)), answerSeconds * 1000);
    const began = performance.now();
    let code = 0;
    try {
      const response = await this.#fetch(request, signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]));
      code = response.status;
      if (response.ok) return await read(response);
      const status = (await response.json().catch(() => ({}))) as { reason?: string; message?: string };
      throw faultOf(code, status, response.headers.get('retry-after'));
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      const fault = asFault(error);
      code = fault.code;
      throw fault;
    } finally {
      clearTimeout(timer);
      onRequest?.({ method, verb, plural, code, seconds: (performance.now() - began) / 1000 });
    }
  }

  async #fetch({ method, path, query = {}, body, contentType = 'application/json' }: Request, signal: AbortSignal): Promise<Response> {
    const url = new URL(this.#server + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const context = new RequestContext(url.href, method);
    // Reads the token of a service account again after a rotation.
    await this.#config.applySecurityAuthentication(context);
    // The library makes a pool for each request; all requests use the first one.
    this.#dispatcher ??= context.getDispatcher()?.compose(overHttp1);
    return fetch(url, {
      method,
      headers: { ...context.getHeaders(), 'user-agent': this.#options.userAgent, 'content-type': contentType, accept: 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(this.#dispatcher !== undefined && { dispatcher: this.#dispatcher }),
      signal,
    });
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

/** Any other error is one of the connection, such as an incomplete answer. */
function asFault(error: unknown): ApiFault {
  if (error instanceof ApiFault) return error;
  return new ApiFault({ code: 0, reason: 'Unreachable', message: `the API server cannot be reached: ${causeOf(error)}` });
}

/** An idle HTTP/2 connection that breaks raises an error that cannot be caught (undici 8.12). */
function overHttp1(dispatch: Dispatcher.Dispatch): Dispatcher.Dispatch {
  return (options, handler) => dispatch(Object.assign(options, { allowH2: false }), handler);
}

/** undici reports "fetch failed", with the reason one or two causes deep. */
function causeOf(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause);
}
