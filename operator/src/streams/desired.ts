/**
 * What is to be there for one CameraStream: a ServiceAccount and a Deployment of one agent, and a ConfigMap with whom it is
 * to trust. A function of the spec and the configuration.
 */
import type { KubernetesObject, V1Affinity, V1ConfigMap, V1Deployment, V1PodSpec, V1ServiceAccount, V1Volume } from '#crds/cluster/api.ts';
import { agentName, COUNTER_AUDIENCE } from '#crds/identity.ts';
import { apiVersion, type CameraStream, isCamera, kind } from '#crds/schema.ts';
import type { OperatorConfig, PodConfig } from '../config.ts';
import { agentLabels, COUNTING_PORT, HTTP_PORT, serverNameOf, SITE_LABEL, STREAM_LABEL } from '../objects/labels.ts';
import { containerBasics, podBasics, podMetadata, RUN } from '../objects/pod-template.ts';

/** Beside the ring: what the agent and ffmpeg need. */
const AGENT_MEGABYTES = { request: 128, limit: 320 };
/** Checkpoints beside the ring: a few of some tens of kilobytes. */
const CHECKPOINT_MEGABYTES = 8;
/** The agent takes 8 s at most to let the counter settle what it sent, and a little more on a busy node. */
const AGENT_GRACE_SECONDS = 20;
const TOKEN_FILE = 'token';
const AUTHORITIES_FILE = 'ca.crt';

export interface DesiredAgent {
  readonly serviceAccount: V1ServiceAccount & KubernetesObject;
  /** Undefined while it is not known whom to trust: what is there may stay. */
  readonly configMap: (V1ConfigMap & KubernetesObject) | undefined;
  readonly deployment: V1Deployment & KubernetesObject;
}

/** The spec's fault in a cluster, for a stream that the API server took all the same. */
export function clusterFault({ spec }: CameraStream): string | undefined {
  return isCamera(spec.source.url)
    ? undefined
    : 'spec.source.url: must begin with rtsp:// or rtsps:// in a cluster; files are for local mode.';
}

/** @param authorities that certify counters, PEM. They change while agents run: nothing of them is in the pod. */
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
        // Two agents would read the camera twice and take the stream from each other.
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
        // The kubelet makes one of `$$`, and a variable of `$(NAME)`: a camera's URL may hold either.
        env: [
          { name: 'FOOTFALL_AGENT', value: JSON.stringify(agentConfig(metadata, source, buffer, config)).replaceAll('$', '$$$$') },
          ...agent.extraEnv,
        ],
        ports: [{ name: 'http', containerPort: HTTP_PORT }],
        resources: config.agent.resources ?? {
          requests: { cpu: '50m', memory: `${AGENT_MEGABYTES.request}Mi` },
          // What lies in the memory-backed folder counts here, too.
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
      // As with credentials, the agent says what is missing, and the kubelet brings it.
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

/** Terms of a node selector are alternatives: the site is asked for in each of them. */
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

/** Optional: without the Secret the agent starts all the same and says what is missing; the kubelet brings it when it is there. */
function credentials(secretName: string): V1Volume {
  return { name: 'credentials', secret: { secretName, optional: true, defaultMode: 0o440 } };
}
