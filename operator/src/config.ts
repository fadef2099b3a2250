/** What the operator is told: JSON in FOOTFALL_OPERATOR, written by whoever installs it. It holds no secret. */
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
/** Plain things of Kubernetes, which the API server judges. */
const anything = z.record(z.string(), z.unknown());

/** Of both kinds of pods. */
const podFields = {
  image: z.string().min(1),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  imagePullSecrets: z.array(z.string().min(1)).default([]),
  priorityClassName: z.string().optional(),
  runtimeClassName: z.string().optional(),
  resources: resourcesField.optional(),
  /** Of agents: beside what their CameraStream says, which wins. */
  nodeSelector: texts.default({}),
  tolerations: z.array(tolerationField).default([]),
  affinity: anything.default({}),
  podAnnotations: texts.default({}),
  /** Those by which pods are found stay as they are. */
  podLabels: texts.default({}),
  extraEnv: z.array(z.looseObject({ name: z.string().min(1) })).default([]),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
};

const poolField = z
  .strictObject({
    ...podFields,
    serviceAccountName: z.string().default('footfall-counter'),
    provider: z.enum(['cpu', 'cuda', 'tensorrt', 'webgpu']).default('cpu'),
    /** Inference processes of a counter; 0 for as many as cores on a CPU, and one on a GPU. */
    workers: z.int().min(0).max(64).default(0),
    maxBatch: z.int().min(1).max(64).default(16),
    /** What a counter needs of an extended resource; left out, none. */
    gpu: z
      .strictObject({
        resource: z.string().min(1).default('nvidia.com/gpu'),
        count: z.int().min(1).default(1),
        /** In place of the pod's. */
        runtimeClassName: z.string().optional(),
      })
      .optional(),
    streamsPerCounter: z.int().min(1).max(1000).default(8),
    minimum: z.int().min(0).default(1),
    maximum: z.int().min(0).default(4),
  })
  .refine(({ minimum, maximum }) => minimum <= maximum, { path: ['minimum'], error: 'must not be above maximum' });

/** The least renews every two seconds, for tests; the most stays before 2050, from when on certificates write times in another way. */
const lifetime = z
  .int()
  .min(3)
  .max(20 * 365 * 86_400);

const tlsField = z
  .strictObject({
    /** What counters serve with, in the operator's namespace. */
    secretName: z.string().min(1).default('footfall-counter-tls'),
    /** Where somebody else makes the certificate: the file with whom agents are to trust. Left out, the operator makes both. */
    authoritiesFile: z.string().optional(),
    certificateSeconds: lifetime.default(90 * 86_400),
    authoritySeconds: lifetime.default(10 * 365 * 86_400),
    /** From when agents are told of a new authority until counters rely on it. */
    overlapSeconds: z.int().min(0).default(86_400),
  })
  .refine(({ authoritySeconds, overlapSeconds }) => overlapSeconds < authoritySeconds / 3, {
    path: ['overlapSeconds'],
    error: 'must be below a third of authoritySeconds, for then the old one ends',
  });

const operatorConfig = z.strictObject({
  /** Where the operator runs: the counter pool and the lease are here, too. */
  namespace: z.string().min(1),
  /** A file; left out, the pod's own service account. */
  kubeconfig: z.string().optional(),
  /** Where CameraStreams are looked for; none: everywhere. */
  watchNamespaces: z.array(z.string().min(1)).default([]),
  /** The operator's own pod, for the lease and in events. */
  identity: z.string().min(1),
  /** The operator's own Deployment: the pool goes when it does. Left out, the pool stays. */
  deployment: z.string().optional(),
  /** Where agents may read cameras. */
  cameraNetworks: CameraNetworks.prefault({}),
  agent: z.strictObject(podFields),
  counter: poolField,
  tls: tlsField.prefault({}),
  leaderElection: z.boolean().default(true),
  http: z.strictObject({ host: z.string().default('0.0.0.0'), port: z.int().min(0).max(65535).default(8080) }).prefault({}),
  /** CameraStreams that are reconciled at a time. */
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
