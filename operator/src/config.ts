/** What the operator is told: JSON in FOOTFALL_OPERATOR, written by whoever installs it. It holds no secret. */
import { z } from 'zod';
import { CameraNetworks } from '#crds/networks.ts';
import { readJsonConfig } from '#proto/config.ts';

const quantities = z.record(z.string(), z.string());
const resourcesField = z.strictObject({ requests: quantities.default({}), limits: quantities.default({}) });

/** Of both kinds of pods. */
const podFields = {
  image: z.string().min(1),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  imagePullSecrets: z.array(z.string().min(1)).default([]),
  priorityClassName: z.string().optional(),
  resources: resourcesField.optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
};

const tolerationField = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().optional(),
});

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
        runtimeClassName: z.string().optional(),
      })
      .optional(),
    streamsPerCounter: z.int().min(1).max(1000).default(8),
    minimum: z.int().min(0).default(1),
    maximum: z.int().min(0).default(4),
    nodeSelector: z.record(z.string(), z.string()).default({}),
    tolerations: z.array(tolerationField).default([]),
  })
  .refine(({ minimum, maximum }) => minimum <= maximum, { path: ['minimum'], error: 'must not be above maximum' });

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
  leaderElection: z.boolean().default(true),
  presence: z.strictObject({ host: z.string().default('0.0.0.0'), port: z.int().min(0).max(65535).default(8080) }).prefault({}),
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
