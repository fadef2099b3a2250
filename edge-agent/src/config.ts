/** The agent's configuration: JSON in FOOTFALL_AGENT, written by the operator or by local mode. It holds no secret. */
import { z } from 'zod';
import { CameraNetworks } from '#crds/networks.ts';
import { kindOf, transports } from '#crds/source-kinds.ts';
import { isLoopback, readJsonConfig } from '#proto/process/config.ts';
import { parseCounter } from './uplink/directory.ts';

const counter = z.string().check(({ value, issues }) => {
  try {
    parseCounter(value);
  } catch (error) {
    issues.push({ code: 'custom', input: value, message: (error as Error).message });
  }
});

const agentFields = z.strictObject({
  stream: z.strictObject({ namespace: z.string().min(1), name: z.string().min(1), uid: z.string().min(1) }),
  source: z.strictObject({
    url: z.string().min(1),
    transport: z.enum(transports).default('tcp'),
    realtime: z.boolean().default(false),
    insecureSkipTLSVerify: z.boolean().default(false),
    /** Files `username` and `password`, or `bearerToken`; `ca.crt`. */
    credentialsDirectory: z.string().optional(),
  }),
  /** Where cameras may be; left out, as in local mode, anywhere. */
  cameraNetworks: CameraNetworks.optional(),
  buffer: z.strictObject({
    seconds: z.int().min(1),
    megabytes: z.int().min(1),
    /** When a counter is too slow: lose nothing that the buffer can hold, or skip video to stay close behind the camera. */
    overload: z.enum(['lossless', 'live']).default('lossless'),
    /** With `live`: the longest delay behind the camera. */
    maxLagSeconds: z.number().positive().default(5),
  }),
  /** A folder that outlives the agent's process, so that the session goes on in the next one. For a camera it is in memory. */
  ring: z.strictObject({ directory: z.string().min(1) }).optional(),
  /** host:port: a counter, or all counters that the host's name stands for. */
  counters: z.array(counter).min(1),
  /** See `uplink/identity.ts`. Left out, the agent speaks plaintext to counters, on loopback only. */
  tls: z.strictObject({ serverName: z.string().min(1), authoritiesFile: z.string().min(1), tokenFile: z.string().min(1) }).optional(),
  site: z.strictObject({ host: z.string(), port: z.int().min(0).max(65535) }),
  /** Local mode: end on a fault that only the user can fix, and with a camera that never connects. */
  exitWhenUnusable: z.boolean().default(false),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

const agentConfig = agentFields
  .refine(({ counters, tls }) => tls !== undefined || counters.every(isLoopback), {
    path: ['counters'],
    error: 'must all be on loopback, like 127.0.0.1:7443, unless there is tls',
  })
  .refine(({ source, ring }) => ring !== undefined || kindOf(source.url) !== 'download', {
    path: ['ring'],
    error: 'must name a directory for the video at an address that is downloaded',
  });

export type AgentConfig = z.output<typeof agentConfig>;

/** @throws Error with one sentence that names the field. */
export function readAgentConfig(environment: Readonly<Record<string, string | undefined>>): AgentConfig {
  return readJsonConfig('FOOTFALL_AGENT', environment, agentConfig);
}
