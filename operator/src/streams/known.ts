/** A stream and its agent's objects, as the informer caches show them. */
import type { V1ConfigMap, V1Deployment, V1Pod, V1ServiceAccount } from '#crds/cluster/api.ts';
import { agentName } from '#crds/identity.ts';
import { type CameraStream, CameraStreamSpec } from '#crds/schema.ts';
import { cameraStreams, configMaps, deployments, pods, serviceAccounts } from '../objects/cached.ts';
import { hasFinished, isTerminating, newestFirst } from '../objects/pods.ts';
import type { ClusterCache } from '../runtime/cluster-cache.ts';
import { clusterFault } from './desired.ts';

export interface KnownStream {
  /** Its spec filled with defaults, unless the spec is at fault. */
  readonly stream: CameraStream;
  /** Why no agent can be made of the spec. */
  readonly fault: string | undefined;
}

export interface AgentObjects {
  readonly serviceAccount: V1ServiceAccount | undefined;
  readonly configMap: V1ConfigMap | undefined;
  readonly deployment: V1Deployment | undefined;
  /** The newest one that runs or will run; without one, the newest of the others. */
  readonly pod: V1Pod | undefined;
  /** Another one, which is terminating. */
  readonly former: V1Pod | undefined;
}

/** @param key `namespace/name` */
export function knownStream(cache: ClusterCache, key: string): KnownStream | undefined {
  const [namespace = '', name = ''] = key.split('/');
  // A status that was written just before the stream was deleted must not bring the stream back.
  const raw = cache.observed(cameraStreams, namespace, name);
  if (raw === undefined) return undefined;
  const parsed = CameraStreamSpec.safeParse(raw.spec);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return { stream: raw, fault: `${['spec', ...issue.path].join('.')}: ${issue.message}.` };
  }
  const stream = { ...raw, spec: parsed.data };
  return { stream, fault: clusterFault(stream) };
}

export function agentObjects(cache: ClusterCache, { metadata: { namespace, name } }: CameraStream): AgentObjects {
  const all = cache.indexed(pods, `${namespace}/${name}`).toSorted(newestFirst);
  const pod = all.find((one) => !isTerminating(one) && !hasFinished(one)) ?? all[0];
  return {
    serviceAccount: cache.get(serviceAccounts, namespace, agentName(name)),
    configMap: cache.get(configMaps, namespace, agentName(name)),
    deployment: cache.get(deployments, namespace, agentName(name)),
    pod,
    former: all.find((one) => one !== pod && isTerminating(one)),
  };
}
