/** The configuration of a counter: JSON in FOOTFALL_COUNTER, without secrets. */
import { z } from 'zod';
import { isLoopback, readJsonConfig } from '#proto/process/config.ts';
import { MOST_EVENTS } from './events/outbox.ts';
import { receiversOptions } from './events/receivers.ts';
import { ExecutionProvider } from './detection/wire.ts';

const counterFields = z.strictObject({
  /** host:port of the counting protocol; port 0 for any. */
  listen: z.string().min(1),
  /** PEM files, read again when they change. Left out, agents speak plaintext, on loopback only. */
  tls: z.strictObject({ certificateFile: z.string().min(1), keyFile: z.string().min(1) }).optional(),
  http: z.strictObject({ host: z.string(), port: z.int().min(0).max(65535) }),
  /** Local mode: specs from files and a ledger in a folder, in place of the API server. */
  local: z.strictObject({ manifests: z.array(z.string()).min(1), ledgerDirectory: z.string() }).optional(),
  /** Specs and ledger are at the API server of the pod's service account, or of KUBECONFIG. */
  cluster: z
    .strictObject({
      /** The name of the counter's pod. */
      counter: z.string().min(1).max(253),
      /** Only streams of these namespaces are served; left out, streams of all namespaces. */
      namespaces: z.array(z.string().min(1)).min(1).optional(),
    })
    .optional(),
  modelsDirectory: z.string(),
  inference: z.strictObject({
    provider: z.enum(ExecutionProvider).default('cpu'),
    /** Processes with one session each; 0 for as many as cores on a CPU, and one on a GPU. */
    workers: z.int().min(0).max(64).default(0),
    maxBatch: z.int().min(1).max(64).default(16),
  }),
  /** Where the events of all streams are delivered. */
  receivers: receiversOptions.default([]),
  /** The most events of a stream that may wait for a receiver; beyond it the oldest are declared lost. Left out, MOST_EVENTS. */
  mostWaitingEvents: z.int().min(1).max(MOST_EVENTS).optional(),
  maxStreams: z.int().min(1).default(64),
  /** The connection limiter. Each agent has one connection, but all agents of a site may share one address. */
  door: z
    .strictObject({
      connections: z.int().min(1).default(1024),
      /** For each IPv4 address, or each /64 network of IPv6. */
      connectionsPerPeer: z.int().min(1).default(256),
      /** How long a connection may be without an accepted call. */
      acceptedWithinSeconds: z.number().positive().default(15),
    })
    .prefault({}),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

const counterConfig = counterFields
  .refine(({ local, cluster }) => (local === undefined) !== (cluster === undefined), { error: 'must have either local or cluster' })
  .refine(({ listen, tls }) => tls !== undefined || isLoopback(listen), {
    path: ['listen'],
    error: 'must be on loopback, like 127.0.0.1:0, unless there is tls',
  })
  .refine(({ cluster, tls }) => cluster === undefined || tls !== undefined, {
    path: ['tls'],
    error: 'must be there in a cluster, where agents send tokens',
  });

export type CounterConfig = z.output<typeof counterConfig>;

/** @throws Error with one sentence that names the field. */
export function readCounterConfig(environment: Readonly<Record<string, string | undefined>>): CounterConfig {
  return readJsonConfig('FOOTFALL_COUNTER', environment, counterConfig);
}
