/** The labels and names by which the operator knows the objects that it created. */
import type { KubernetesObject } from '#crds/cluster/api.ts';

export const MANAGED = 'app.kubernetes.io/managed-by=footfall';

export const SITE_LABEL = 'footfall.dev/site';
export const STREAM_LABEL = 'footfall.dev/stream';

export type Component = 'edge-agent' | 'counter';

/** The name of the pool's Deployment and Service, and so the host name at which agents find the counters. */
export const POOL = 'footfall-counter';
export const COUNTING_PORT = 7443;
export const HTTP_PORT = 8080;

/** The Secret with the counters' certificate authorities and their private keys. */
export const AUTHORITY_SECRET = 'footfall-counter-authority';

export function labelsOf(component: Component): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'footfall',
    'app.kubernetes.io/component': component,
    'app.kubernetes.io/managed-by': 'footfall',
  };
}

export function agentLabels(stream: string): Record<string, string> {
  return { ...labelsOf('edge-agent'), [STREAM_LABEL]: stream };
}

export function componentOf({ metadata }: KubernetesObject): Component | undefined {
  return metadata?.labels?.['app.kubernetes.io/component'] as Component | undefined;
}

/** The name in the counters' certificate, which agents verify at whatever address they connect to. */
export function serverNameOf(namespace: string): string {
  return `${POOL}.${namespace}.svc`;
}
