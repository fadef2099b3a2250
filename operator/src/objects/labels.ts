/** By which labels and names the operator knows what it made. */
export const MANAGED = 'app.kubernetes.io/managed-by=footfall';

export const SITE_LABEL = 'footfall.dev/site';
export const STREAM_LABEL = 'footfall.dev/stream';

export type Component = 'edge-agent' | 'counter';

/** The pool's Deployment, Service, and the host name at which agents find the counters. */
export const POOL = 'footfall-counter';
export const COUNTING_PORT = 7443;
export const HTTP_PORT = 8080;

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

/** Of the Secret with the authorities that certify counters, and their keys. */
export const AUTHORITY_SECRET = 'footfall-counter-authority';

/** By which agents know a counter, whatever address it is found at. */
export function serverNameOf(namespace: string): string {
  return `${POOL}.${namespace}.svc`;
}

export function componentOf(labels: Readonly<Record<string, string>> | undefined): Component | undefined {
  return labels?.['app.kubernetes.io/component'] as Component | undefined;
}
