/** The resources of which the operator has an informer cache, a row each. */
import {
  type KubernetesObject,
  resources,
  type V1ConfigMap,
  type V1Deployment,
  type V1Pod,
  type V1Service,
  type V1ServiceAccount,
} from '#crds/cluster/api.ts';
import type { CameraStream } from '#crds/schema.ts';
import type { CachedResource } from '../runtime/controller.ts';
import { componentOf, MANAGED, POOL, STREAM_LABEL } from './labels.ts';

/** Found by the counter that serves them. Counters write counts every few seconds: these are neither kept nor relevant. */
export const cameraStreams: CachedResource<CameraStream> = {
  resource: resources.cameraStreams,
  scope: 'watched',
  keep: withoutCounts,
  index: servingCounter,
  relevant: ({ metadata: { uid, generation, deletionTimestamp }, status }) => [uid, generation, deletionTimestamp, status],
};

export const deployments: CachedResource<V1Deployment> = { resource: resources.deployments, scope: 'both', labelSelector: MANAGED };

export const serviceAccounts: CachedResource<V1ServiceAccount> = {
  resource: resources.serviceAccounts,
  scope: 'both',
  labelSelector: MANAGED,
};

export const configMaps: CachedResource<V1ConfigMap> = { resource: resources.configMaps, scope: 'watched', labelSelector: MANAGED };

export const services: CachedResource<V1Service> = { resource: resources.services, scope: 'own', labelSelector: MANAGED };

/** Found by the key of their stream, or by `POOL`. */
export const pods: CachedResource<V1Pod> = {
  resource: resources.pods,
  scope: 'both',
  labelSelector: MANAGED,
  keep: podInBrief,
  index: (pod) => (componentOf(pod) === 'counter' ? POOL : streamKeyOf(pod)),
};

/** The key (`namespace/name`) of the stream to which an object of an agent belongs. */
export function streamKeyOf({ metadata }: KubernetesObject): string | undefined {
  const stream = metadata?.labels?.[STREAM_LABEL];
  return stream === undefined ? undefined : `${metadata?.namespace}/${stream}`;
}

function withoutCounts(stream: CameraStream): CameraStream {
  if (stream.status === undefined) return stream;
  const { counts: _, ...status } = stream.status;
  return { ...stream, status };
}

function servingCounter({ status }: CameraStream): string | undefined {
  const report = status?.stream;
  return report === undefined || report.state === 'Disconnected' || report.state === 'Refused' ? undefined : report.counter;
}

function podInBrief({ apiVersion, kind, metadata, spec, status }: V1Pod): V1Pod {
  return {
    ...(apiVersion !== undefined && { apiVersion }),
    ...(kind !== undefined && { kind }),
    ...(metadata && { metadata }),
    spec: { containers: [], ...(spec?.nodeName !== undefined && { nodeName: spec.nodeName }) },
    ...(status && { status }),
  };
}
