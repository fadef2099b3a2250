/** The operator's configuration: JSON in FOOTFALL_OPERATOR, which the chart writes. It holds no secret. */
import { z } from 'zod';
import { CameraNetworks } from '#crds/networks.ts';
import { readJsonConfig } from '#proto/process/config.ts';

const quantities = z.record(z.string(), z.string());
const resourcesField = z.strictObject({ requests: quantities.default({}), limits: quantities.default({}) });

const tolerationField = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().optional(),
});

const texts = z.record(z.string(), z.string());
/** A part of a pod's spec, validated by the API server. */
const anything = z.record(z.string(), z.unknown());

/** For agents and for counters. */
const podFields = {
  image: z.string().min(1),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  imagePullSecrets: z.array(z.string().min(1)).default([]),
  priorityClassName: z.string().optional(),
  runtimeClassName: z.string().optional(),
  resources: resourcesField.optional(),
  /** For agents: added to the CameraStream's, which takes precedence. */
  nodeSelector: texts.default({}),
  tolerations: z.array(tolerationField).default([]),
  affinity: anything.default({}),
  podAnnotations: texts.default({}),
  /** They do not replace the labels that select the pods. */
  podLabels: texts.default({}),
  extraEnv: z.array(z.looseObject({ name: z.string().min(1) })).default([]),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
};

const poolField = z
  .strictObject({
    ...podFields,
    serviceAccountName: z.string().default('footfall-counter'),
    provider: z.enum(['cpu', 'cuda', 'tensorrt', 'webgpu']).default('cpu'),
    /** Inference processes of a counter; 0: one for each core of a CPU, or one on a GPU. */
    workers: z.int().min(0).max(64).default(0),
    maxBatch: z.int().min(1).max(64).default(16),
    /** The extended resource that a counter requests; left out, none. */
    gpu: z
      .strictObject({
        resource: z.string().min(1).default('nvidia.com/gpu'),
        count: z.int().min(1).default(1),
        /** Replaces the pod's. */
        runtimeClassName: z.string().optional(),
      })
      .optional(),
    streamsPerCounter: z.int().min(1).max(1000).default(8),
    minimum: z.int().min(0).default(1),
    maximum: z.int().min(0).default(4),
  })
  .refine(({ minimum, maximum }) => minimum <= maximum, { path: ['minimum'], error: 'must not be above maximum' });

/** The minimum is for tests. The maximum ends before 2050, when certificates change their format of time. */
const lifetime = z
  .int()
  .min(3)
  .max(20 * 365 * 86_400);

const tlsField = z
  .strictObject({
    /** The Secret with the counters' certificate, in the operator's namespace. */
    secretName: z.string().min(1).default('footfall-counter-tls'),
    /** The file with the authorities that agents must trust. Left out, the operator issues the certificate and its authority. */
    authoritiesFile: z.string().optional(),
    certificateSeconds: lifetime.default(90 * 86_400),
    authoritySeconds: lifetime.default(10 * 365 * 86_400),
    /** How long agents trust a new authority before it issues the counters' certificate. */
    overlapSeconds: z.int().min(0).default(86_400),
  })
  .refine(({ authoritySeconds, overlapSeconds }) => overlapSeconds < authoritySeconds / 3, {
    path: ['overlapSeconds'],
    error: 'must be below a third of authoritySeconds, after which the old authority expires',
  });

const operatorConfig = z.strictObject({
  /** The operator's own, which also holds the counter pool and the lease. */
  namespace: z.string().min(1),
  /** A file; left out, the pod's service account. */
  kubeconfig: z.string().optional(),
  /** The namespaces with CameraStreams; empty: all. */
  watchNamespaces: z.array(z.string().min(1)).default([]),
  /** The name of the operator's pod, for the lease and for Events. */
  identity: z.string().min(1),
  /** The operator's own Deployment, which owns the pool: deleting it deletes the pool. Left out, the pool has no owner. */
  deployment: z.string().optional(),
  /** Where agents may connect to cameras. */
  cameraNetworks: CameraNetworks.prefault({}),
  agent: z.strictObject(podFields),
  counter: poolField,
  tls: tlsField.prefault({}),
  leaderElection: z.boolean().default(true),
  http: z.strictObject({ host: z.string().default('0.0.0.0'), port: z.int().min(0).max(65535).default(8080) }).prefault({}),
  /** How many CameraStreams are reconciled at a time. */
  workers: z.int().min(1).max(64).default(8),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

export type OperatorConfig = z.output<typeof operatorConfig>;
export type PoolConfig = OperatorConfig['counter'];
export type PodConfig = OperatorConfig['agent'];

/** @throws Error with one sentence that names the field. */
export function readOperatorConfig(environment: Readonly<Record<string, string | undefined>>): OperatorConfig {
  return readJsonConfig('FOOTFALL_OPERATOR', environment, operatorConfig);
}
