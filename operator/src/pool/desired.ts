/** The pool's objects: a Deployment of counters, and the headless Service through which agents find them. */
import type { KubernetesObject, V1Deployment, V1OwnerReference, V1PodSpec, V1Service } from '#crds/cluster/api.ts';
import type { OperatorConfig, PoolConfig } from '../config.ts';
import { COUNTING_PORT, HTTP_PORT, labelsOf, POOL } from '../objects/labels.ts';
import { containerBasics, podBasics, podMetadata, RUN } from '../objects/pod-template.ts';

/** Enough to commit the counts of every stream and to move every agent to another counter. */
const COUNTER_GRACE_SECONDS = 30;
const CERTIFICATE = `${RUN}/certificate`;

export interface DesiredPool {
  readonly service: V1Service & KubernetesObject;
  readonly deployment: V1Deployment & KubernetesObject;
}

export function desiredPool(replicas: number, config: OperatorConfig, owner: V1OwnerReference | undefined): DesiredPool {
  const labels = labelsOf('counter');
  const metadata = { name: POOL, namespace: config.namespace, labels, ...(owner && { ownerReferences: [owner] }) };
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        // Headless: an agent needs the address of each counter, to choose one.
        clusterIP: 'None',
        selector: labels,
        ports: [
          { name: 'counting', port: COUNTING_PORT, targetPort: COUNTING_PORT, protocol: 'TCP' },
          { name: 'http', port: HTTP_PORT, targetPort: HTTP_PORT, protocol: 'TCP' },
        ],
      },
    },
    deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
        revisionHistoryLimit: 1,
        // A GPU for an additional counter during a rollout may not exist.
        strategy: {
          type: 'RollingUpdate',
          rollingUpdate: config.counter.gpu ? { maxSurge: 0, maxUnavailable: 1 } : { maxSurge: 1, maxUnavailable: 0 },
        },
        selector: { matchLabels: labels },
        template: { metadata: podMetadata(labels, config.counter), spec: counterPod(config) },
      },
    },
  };
}

function counterPod({ counter: pool, watchNamespaces, tls }: OperatorConfig): V1PodSpec {
  const { gpu } = pool;
  const basics = containerBasics(pool);
  return {
    ...podBasics(pool),
    serviceAccountName: pool.serviceAccountName,
    automountServiceAccountToken: true,
    terminationGracePeriodSeconds: COUNTER_GRACE_SECONDS,
    ...(gpu?.runtimeClassName !== undefined && { runtimeClassName: gpu.runtimeClassName }),
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: labelsOf('counter') },
      },
    ],
    containers: [
      {
        ...basics,
        readinessProbe: { ...basics.readinessProbe, httpGet: { path: '/readyz', port: HTTP_PORT }, periodSeconds: 2 },
        name: 'counter',
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          { name: 'FOOTFALL_COUNTER', value: JSON.stringify(counterConfig(pool, watchNamespaces)) },
          ...pool.extraEnv,
        ],
        ports: [
          { name: 'counting', containerPort: COUNTING_PORT, protocol: 'TCP' },
          { name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' },
        ],
        resources: resourcesOf(pool),
        // For the sockets of inference processes and temporary files of their library; frames are never written to it.
        volumeMounts: [
          { name: 'tmp', mountPath: '/tmp' },
          { name: 'certificate', mountPath: CERTIFICATE, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
      {
        name: 'certificate',
        secret: { secretName: tls.secretName, items: ['tls.crt', 'tls.key'].map((key) => ({ key, path: key })), defaultMode: 0o440 },
      },
    ],
  };
}

/** The kubelet replaces `$(POD_NAME)`. */
function counterConfig({ provider, workers, maxBatch, streamsPerCounter, logLevel }: PoolConfig, namespaces: readonly string[]) {
  return {
    listen: `0.0.0.0:${COUNTING_PORT}`,
    tls: { certificateFile: `${CERTIFICATE}/tls.crt`, keyFile: `${CERTIFICATE}/tls.key` },
    http: { host: '0.0.0.0', port: HTTP_PORT },
    cluster: { counter: '$(POD_NAME)', ...(namespaces.length > 0 && { namespaces }) },
    modelsDirectory: '/app/models',
    inference: { provider, workers, maxBatch },
    maxStreams: streamsPerCounter,
    logLevel,
  };
}

function resourcesOf({ resources, gpu }: PoolConfig) {
  const { requests, limits } = resources ?? { requests: { cpu: '500m', memory: '512Mi' }, limits: { memory: '4Gi' } };
  return { requests, limits: { ...limits, ...(gpu && { [gpu.resource]: String(gpu.count) }) } };
}
