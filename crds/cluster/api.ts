/** The API server as the processes use it, and the resources that they use. `client.ts` connects to a real one. */
import type * as library from '@kubernetes/client-node';
import { cameraStream } from '../kinds.ts';
import { apiVersion } from '../schema.ts';

/** As on the wire: plain data with times as text. The library's types are classes with times as Date. */
type Wire<T> = T extends Date ? string : T extends object ? { [K in keyof T]: Wire<T[K]> } : T;
export type V1Affinity = Wire<library.V1Affinity>;
export type V1ConfigMap = Wire<library.V1ConfigMap>;
export type V1Deployment = Wire<library.V1Deployment>;
export type V1OwnerReference = Wire<library.V1OwnerReference>;
export type V1Pod = Wire<library.V1Pod>;
export type V1PodSpec = Wire<library.V1PodSpec>;
export type V1PodTemplateSpec = Wire<library.V1PodTemplateSpec>;
export type V1Secret = Wire<library.V1Secret>;
export type V1Service = Wire<library.V1Service>;
export type V1ServiceAccount = Wire<library.V1ServiceAccount>;
export type V1Toleration = Wire<library.V1Toleration>;
export type V1TokenReview = Wire<library.V1TokenReview>;
export type V1Volume = Wire<library.V1Volume>;

/** The part of every object that the processes read. */
export interface KubernetesObject {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly metadata?:
    | {
        readonly name?: string | undefined;
        readonly namespace?: string | undefined;
        readonly uid?: string | undefined;
        readonly resourceVersion?: string | undefined;
        readonly labels?: Readonly<Record<string, string>> | undefined;
        readonly annotations?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
}

export interface Resource {
  /** As in manifests: `v1`, `apps/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

export const resources = {
  cameraStreams: { apiVersion, kind: cameraStream.kind, plural: cameraStream.plural },
  configMaps: { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  deployments: { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' },
  pods: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
  secrets: { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' },
  serviceAccounts: { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' },
  services: { apiVersion: 'v1', kind: 'Service', plural: 'services' },
  leases: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' },
  tokenReviews: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', plural: 'tokenreviews' },
  events: { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events' },
} as const satisfies Record<string, Resource>;

/** Without a namespace, all namespaces; without a name, the collection. */
export interface ObjectRef {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact' | undefined;
  /** For a watch: after this time the server ends it. */
  readonly timeoutSeconds?: number | undefined;
}

export interface Page<T> {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items: readonly T[];
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  /** A bookmark has only `metadata.resourceVersion`. */
  readonly object: T;
}

export interface ApplyOptions {
  readonly fieldManager: string;
  readonly subresource?: string;
  /** Takes over fields of other managers (the default); otherwise they are a conflict (409). */
  readonly force?: boolean;
}

/** Every call throws ApiFault for a fault of the server or of the connection, and the signal's reason after an abort. */
export interface ApiServer {
  get<T extends KubernetesObject>(resource: Resource, ref: ObjectRef, signal?: AbortSignal): Promise<T>;
  list<T extends KubernetesObject>(resource: Resource, options: ListOptions, signal?: AbortSignal): Promise<Page<T>>;
  /** Ends when the server ends it. @throws ApiFault with code 410 when the version is too old to watch from. */
  watch<T extends KubernetesObject>(
    resource: Resource,
    options: ListOptions & { resourceVersion: string },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /** An unknown field is a fault (400). */
  create<T extends KubernetesObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T>;
  /** A compare-and-swap on the object's resourceVersion. */
  replace<T extends KubernetesObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T>;
  /** Server-side apply. A resourceVersion or uid in the object's metadata is a precondition (409). */
  apply<T extends KubernetesObject>(resource: Resource, object: KubernetesObject, options: ApplyOptions, signal?: AbortSignal): Promise<T>;
  merge<T extends KubernetesObject>(resource: Resource, ref: ObjectRef, patch: object, signal?: AbortSignal): Promise<T>;
  delete(resource: Resource, ref: ObjectRef, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface ApiFaultDetails {
  /** HTTP status; 0 when there was no answer. */
  readonly code: number;
  /** Of the server's Status object, such as Conflict, AlreadyExists, Expired. */
  readonly reason: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

export class ApiFault extends Error {
  override readonly name = 'ApiFault';
  readonly code: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor({ code, reason, message, retryAfterSeconds }: ApiFaultDetails) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether the same request may succeed later. A conflict is not transient: the request has to change. */
  get transient(): boolean {
    return this.code === 0 || this.code === 429 || this.code >= 500;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiFault && error.code === 404;
}

export function isConflict(error: unknown): boolean {
  return error instanceof ApiFault && error.code === 409;
}

export function pathOf({ apiVersion: version, plural }: Resource, { namespace, name }: ObjectRef): string {
  const root = version.includes('/') ? `/apis/${version}` : `/api/${version}`;
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${within}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}
