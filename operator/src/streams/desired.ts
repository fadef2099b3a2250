/**
 * The objects of one CameraStream's agent: a ServiceAccount, a Deployment of one pod, and a ConfigMap with the authorities
 * that the agent trusts. A pure function of the spec and the configuration.
 */
import type { KubernetesObject, V1Affinity, V1ConfigMap, V1Deployment, V1PodSpec, V1ServiceAccount, V1Volume } from '#crds/cluster/api.ts';
import { agentName, COUNTER_AUDIENCE } from '#crds/identity.ts';
import { apiVersion, type CameraStream, kind } from '#crds/schema.ts';
import { beginningsOf, isInCluster, schemesWhere } from '#crds/source-kinds.ts';
import type { OperatorConfig, PodConfig } from '../config.ts';
import { agentLabels, COUNTING_PORT, HTTP_PORT, serverNameOf, SITE_LABEL, STREAM_LABEL } from '../objects/labels.ts';
import { containerBasics, podBasics, podMetadata, RUN } from '../objects/pod-template.ts';

/** What the agent and ffmpeg need, without the ring. */
const AGENT_MEGABYTES = { request: 128, limit: 320 };
/** For a few checkpoints of some tens of kilobytes, beside the ring. */
const CHECKPOINT_MEGABYTES = 8;
/** The agent waits 8 s at most until the counter has committed what it received, and a little longer on a busy node. */
const AGENT_GRACE_SECONDS = 20;
const TOKEN_FILE = 'token';
const AUTHORITIES_FILE = 'ca.crt';

export interface DesiredAgent {
  readonly serviceAccount: V1ServiceAccount & KubernetesObject;
  /** Undefined while the authorities are not known: an existing ConfigMap stays. */
  readonly configMap: (V1ConfigMap & KubernetesObject) | undefined;
  readonly deployment: V1Deployment & KubernetesObject;
}

/** The fault of a spec that is valid only in local mode. */
export function clusterFault({ spec }: CameraStream): string | undefined {
  if (isInCluster(spec.source.url)) return undefined;
  const beginnings = beginningsOf(schemesWhere(({ inCluster }) => inCluster));
  return `spec.source.url: must begin with ${beginnings} in a cluster; recordings, standard input and cameras at a machine are for local mode.`;
}

/** @param authorities PEM. They change while agents run, and a change must not replace the pod: they are not part of it. */
export function desiredAgent(stream: CameraStream, config: OperatorConfig, authorities?: string): DesiredAgent {
  const { name, namespace, uid } = stream.metadata;
  const metadata = {
    name: agentName(name),
    namespace,
    labels: agentLabels(name),
    ownerReferences: [{ apiVersion, kind, name, uid: uid!, controller: true }],
  };
  return {
    serviceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    configMap:
      authorities === undefined ? undefined : { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [AUTHORITIES_FILE]: authorities } },
    deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: stream.spec.suspend ? 0 : 1,
        // Two agents would connect to the camera twice and take the stream from each other.
        strategy: { type: 'Recreate' },
        revisionHistoryLimit: 1,
        selector: { matchLabels: { [STREAM_LABEL]: name } },
        template: { metadata: podMetadata(agentLabels(name), config.agent), spec: agentPod(stream, config) },
      },
    },
  };
}

function agentPod({ metadata, spec }: CameraStream, config: OperatorConfig): V1PodSpec {
  const { source, site, nodeSelector = {}, tolerations = [], buffer } = spec;
  const { agent } = config;
  const placed = {
    ...agent,
    nodeSelector: { ...agent.nodeSelector, ...nodeSelector },
    tolerations: [...agent.tolerations, ...tolerations] as PodConfig['tolerations'],
    affinity: site === undefined ? agent.affinity : atSite(site, agent.affinity),
  };
  return {
    ...podBasics(placed),
    serviceAccountName: agentName(metadata.name),
    terminationGracePeriodSeconds: AGENT_GRACE_SECONDS,
    containers: [
      {
        ...containerBasics(config.agent),
        name: 'agent',
        // The kubelet replaces `$$` by `$` and expands `$(NAME)`: a camera's URL may contain both.
        env: [
          { name: 'FOOTFALL_AGENT', value: JSON.stringify(agentConfig(metadata, source, buffer, config)).replaceAll('$', '$$$$') },
          ...agent.extraEnv,
        ],
        ports: [{ name: 'http', containerPort: HTTP_PORT }],
        resources: config.agent.resources ?? {
          requests: { cpu: '50m', memory: `${AGENT_MEGABYTES.request}Mi` },
          // Files in the memory-backed folder count as the container's memory.
          limits: { memory: `${AGENT_MEGABYTES.limit + buffer.megabytes + CHECKPOINT_MEGABYTES}Mi` },
        },
        volumeMounts: [
          { name: 'ring', mountPath: `${RUN}/ring` },
          { name: 'identity', mountPath: `${RUN}/identity`, readOnly: true },
          { name: 'authorities', mountPath: `${RUN}/authorities`, readOnly: true },
          ...(source.credentialsSecretRef ? [{ name: 'credentials', mountPath: `${RUN}/credentials`, readOnly: true }] : []),
        ],
      },
    ],
    volumes: [
      { name: 'ring', emptyDir: { medium: 'Memory', sizeLimit: `${buffer.megabytes + CHECKPOINT_MEGABYTES}Mi` } },
      {
        name: 'identity',
        projected: { sources: [{ serviceAccountToken: { audience: COUNTER_AUDIENCE, expirationSeconds: 3600, path: TOKEN_FILE } }] },
      },
      // Optional, as the credentials are: the agent starts and reports what is missing; the kubelet mounts it later.
      { name: 'authorities', configMap: { name: agentName(metadata.name), optional: true, defaultMode: 0o440 } },
      ...(source.credentialsSecretRef ? [credentials(source.credentialsSecretRef.name)] : []),
    ],
  };
}

function agentConfig(
  { namespace, name, uid }: CameraStream['metadata'],
  source: CameraStream['spec']['source'],
  buffer: CameraStream['spec']['buffer'],
  config: OperatorConfig,
) {
  return {
    stream: { namespace, name, uid },
    source: {
      url: source.url,
      transport: source.transport,
      ...(source.insecureSkipTLSVerify && { insecureSkipTLSVerify: true }),
      ...(source.credentialsSecretRef && { credentialsDirectory: `${RUN}/credentials` }),
    },
    cameraNetworks: config.cameraNetworks,
    buffer,
    ring: { directory: `${RUN}/ring` },
    counters: [`${serverNameOf(config.namespace)}:${COUNTING_PORT}`],
    tls: {
      serverName: serverNameOf(config.namespace),
      authoritiesFile: `${RUN}/authorities/${AUTHORITIES_FILE}`,
      tokenFile: `${RUN}/identity/${TOKEN_FILE}`,
    },
    site: { host: '0.0.0.0', port: HTTP_PORT },
    logLevel: config.agent.logLevel,
  };
}

/** The terms of a node selector are alternatives: each of them must require the site. */
function atSite(site: string, affinity: V1Affinity): V1Affinity {
  const { nodeSelectorTerms = [] } = affinity.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? {};
  const here = { key: SITE_LABEL, operator: 'In', values: [site] };
  const terms = (nodeSelectorTerms.length > 0 ? nodeSelectorTerms : [{}]).map((term) => ({
    ...term,
    matchExpressions: [...(term.matchExpressions ?? []), here],
  }));
  return {
    ...affinity,
    nodeAffinity: { ...affinity.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
  };
}

/** Optional: without the Secret the agent starts and reports that it is missing; the kubelet mounts it once it exists. */
function credentials(secretName: string): V1Volume {
  return { name: 'credentials', secret: { secretName, optional: true, defaultMode: 0o440 } };
}
