/** What the pods of agents and counters have in common. It passes Pod Security `restricted`. */
import type { V1PodSpec, V1PodTemplateSpec, V1Toleration } from '#crds/cluster/api.ts';
import type { PodConfig } from '../config.ts';
import { HTTP_PORT } from './labels.ts';

/** Below it, everything that is mounted into a pod. */
export const RUN = '/var/run/footfall';
/** The unprivileged user of all images. */
const USER = 65532;

export function podBasics(config: PodConfig): Omit<V1PodSpec, 'containers'> {
  const { imagePullSecrets, priorityClassName, runtimeClassName, nodeSelector, tolerations, affinity } = config;
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, runAsUser: USER, runAsGroup: USER, fsGroup: USER, seccompProfile: { type: 'RuntimeDefault' } },
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    ...(priorityClassName !== undefined && { priorityClassName }),
    ...(runtimeClassName !== undefined && { runtimeClassName }),
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations: tolerations as V1Toleration[] }),
    ...(Object.keys(affinity).length > 0 && { affinity }),
  };
}

/** @param labels that select the pods; labels of the configuration cannot change them. */
export function podMetadata(
  labels: Readonly<Record<string, string>>,
  { podLabels, podAnnotations }: PodConfig,
): NonNullable<V1PodTemplateSpec['metadata']> {
  return { labels: { ...podLabels, ...labels }, ...(Object.keys(podAnnotations).length > 0 && { annotations: podAnnotations }) };
}

export function containerBasics({ image, imagePullPolicy }: PodConfig) {
  return {
    image,
    imagePullPolicy,
    // The last log line of a process that failed becomes part of a condition's message.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    startupProbe: { ...livenessCheck(), periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { ...livenessCheck(), periodSeconds: 5 },
    livenessProbe: { ...livenessCheck(), periodSeconds: 10, failureThreshold: 6 },
  };
}

function livenessCheck() {
  return { httpGet: { path: '/healthz', port: HTTP_PORT }, timeoutSeconds: 5 };
}
