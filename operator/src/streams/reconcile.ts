/**
 * The operator's story. For each CameraStream, after any change that concerns it:
 *
 *   read the stream, its agent and the pool ─▶ apply or delete the agent ─▶ judge ─▶ report the status, if it differs
 *
 * A pass keeps no state of its own: it compares what the API server holds with what the spec asks for, and writes the
 * difference.
 */
import { ApiFault, type ApiServer, isNotFound, resources } from '#crds/cluster/api.ts';
import { keyOf } from '#crds/cluster/cache.ts';
import { apiVersion, type CameraStream, type Condition, kind } from '#crds/schema.ts';
import type { Log } from '#proto/process/log.ts';
import type { OperatorConfig } from '../config.ts';
import { cameraStreams, configMaps, deployments, pods, serviceAccounts, streamKeyOf } from '../objects/cached.ts';
import { ensure, FIELD_MANAGER, NameTaken } from '../objects/ensure.ts';
import type { PoolView } from '../pool/view.ts';
import type { ClusterCache } from '../runtime/cluster-cache.ts';
import { type Controller, type Pass, watch } from '../runtime/controller.ts';
import type { Judgement, Observed } from './conditions.ts';
import { desiredAgent } from './desired.ts';
import { agentObjects, knownStream } from './known.ts';
import { type OperatorStatus, sameStatus, statusOf, tellingChanges } from './status.ts';

/** How soon an agent that the API server refused is applied again: a user has to act first. */
const REFUSED_SECONDS = 60;

export interface Operator {
  readonly api: ApiServer;
  readonly cache: ClusterCache;
  readonly config: OperatorConfig;
  readonly pool: () => PoolView;
  /** The certificate authorities that agents must trust, PEM; undefined while they are not known. */
  readonly authorities: () => string | undefined;
  /** Called once for each change of the Ready condition, and of one that the counter's findings make. */
  readonly onChange: (stream: CameraStream, condition: Condition) => void;
  readonly log: Log;
  /** RFC 3339, to the second. */
  readonly now: () => string;
}

export function streamController(operator: Operator): Controller {
  return {
    name: 'camerastream',
    workers: operator.config.workers,
    watches: [
      watch(cameraStreams, keyOf),
      watch(serviceAccounts, streamKeyOf),
      watch(configMaps, streamKeyOf),
      watch(deployments, streamKeyOf),
      watch(pods, streamKeyOf),
    ],
    allKeys: () => operator.cache.list(cameraStreams).map(keyOf),
    reconcile: (key, signal) => reconcileStream(key, operator, signal),
  };
}

async function reconcileStream(key: string, operator: Operator, signal: AbortSignal): Promise<Pass> {
  const known = knownStream(operator.cache, key);
  // The agent's objects are owned by the stream: the garbage collector deletes them with it.
  if (known === undefined || known.stream.metadata.deletionTimestamp !== undefined) return {};
  const { stream, fault } = known;
  let refused: Judgement | undefined;
  try {
    // The agent of an earlier spec must not go on counting when no agent can be made of this one.
    if (fault !== undefined) await deleteAgent(stream, operator, signal);
    else refused = await applyAgent(stream, operator, signal);
  } finally {
    // Also when a transient fault is thrown: the conditions say what is there, not what this pass achieved.
    await report({ ...known, ...agentObjects(operator.cache, stream), refused, pool: operator.pool() }, operator, signal);
  }
  return refused === undefined ? {} : { requeueAfterSeconds: REFUSED_SECONDS };
}

/** Returns why the agent could not be applied, when a user has to act. */
async function applyAgent(stream: CameraStream, operator: Operator, signal: AbortSignal): Promise<Judgement | undefined> {
  const desired = desiredAgent(stream, operator.config, operator.authorities());
  const actual = agentObjects(operator.cache, stream);
  try {
    await ensure(resources.serviceAccounts, { desired: desired.serviceAccount, actual: actual.serviceAccount }, operator, signal);
    if (desired.configMap !== undefined)
      await ensure(resources.configMaps, { desired: desired.configMap, actual: actual.configMap }, operator, signal);
    await ensure(resources.deployments, { desired: desired.deployment, actual: actual.deployment }, operator, signal);
    return undefined;
  } catch (error) {
    const refused = refusalOf(error);
    if (refused === undefined) throw error;
    return refused;
  }
}

async function deleteAgent(stream: CameraStream, { api, cache }: Operator, signal: AbortSignal): Promise<void> {
  const { deployment } = agentObjects(cache, stream);
  if (deployment === undefined || deployment.metadata?.deletionTimestamp !== undefined) return;
  await api.delete(resources.deployments, deployment.metadata ?? {}, signal).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

/** A fault that lasts until a user acts, as a judgement; undefined for a transient one. */
function refusalOf(error: unknown): Judgement | undefined {
  if (error instanceof NameTaken) return { status: 'False', reason: 'NameTaken', message: error.message };
  if (!(error instanceof ApiFault) || error.transient || error.code === 401 || error.code === 404 || error.code === 409) return undefined;
  return { status: 'False', reason: 'AgentForbidden', message: `The API server refused an object of the agent: ${error.message}.` };
}

async function report(observed: Observed, operator: Operator, signal: AbortSignal): Promise<void> {
  const { stream } = observed;
  const status = statusOf(observed, operator.now());
  if (sameStatus(stream, status)) return;
  const written = await writeStatus(stream, status, operator, signal);
  if (written === undefined) return;
  operator.cache.recordWrite(resources.cameraStreams, written);
  for (const condition of tellingChanges(stream.status ?? {}, status)) operator.onChange(stream, condition);
}

/** Undefined when the stream was deleted meanwhile: the watch will say so. */
async function writeStatus(
  { metadata: { namespace, name, uid } }: CameraStream,
  status: OperatorStatus,
  { api }: Operator,
  signal: AbortSignal,
): Promise<CameraStream | undefined> {
  const patch = { apiVersion, kind, metadata: { namespace, name }, status };
  const options = { fieldManager: FIELD_MANAGER, subresource: 'status' };
  try {
    const written = await api.apply<CameraStream>(resources.cameraStreams, patch, options, signal);
    // Another stream of the same name, if it was created again: the server ignores the uid of a status.
    return written.metadata.uid === uid ? written : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
