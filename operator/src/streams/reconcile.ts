/**
 * The story of the operator. For each CameraStream, whatever has happened:
 *
 *   observe the stream, its agent, the pool ─▶ bring about what is missing ─▶ judge ─▶ report once
 *
 * Nothing is remembered between two passes but what the API server holds; what already is as it should be is not
 * written again.
 */
import { ApiFault, type ApiServer, isNotFound, type KubernetesObject, type Resource, resources } from '#crds/cluster/api.ts';
import { apiVersion, type CameraStream, type Condition, kind } from '#crds/schema.ts';
import type { Log } from '#proto/process/log.ts';
import type { OperatorConfig } from '../config.ts';
import type { Judgement, Observed, PoolView } from './conditions.ts';
import { desiredAgent } from './desired.ts';
import { isAsDesired, withDesiredHash } from '../objects/hash.ts';
import { type OperatorStatus, readyOf, sameStatus, statusOf } from './status.ts';
import type { World } from '../cluster-cache.ts';

/** The operator's part of every object is under this name. */
export const FIELD_MANAGER = 'footfall-operator';
/** How soon what the API server does not take is tried again: somebody has to mend it first. */
const REFUSED_SECONDS = 60;

export interface Operator {
  readonly api: ApiServer;
  readonly world: World;
  readonly config: OperatorConfig;
  readonly pool: () => PoolView;
  /** Whom agents are to trust, PEM; undefined while it is not known. */
  readonly authorities: () => string | undefined;
  /** Called once for each change of the Ready condition. */
  readonly onReady: (stream: CameraStream, ready: Condition, before: Condition | undefined) => void;
  readonly log: Log;
  /** RFC 3339, to the second. */
  readonly now: () => string;
}

export interface Pass {
  readonly requeueAfterSeconds?: number;
}

/** @throws for what passes by itself: the queue tries again. */
export async function reconcileStream(key: string, operator: Operator, signal: AbortSignal): Promise<Pass> {
  const found = operator.world.stream(key);
  // What was made for a stream belongs to it, and goes with it.
  if (found === undefined || found.stream.metadata.deletionTimestamp !== undefined) return {};
  let refused: Judgement | undefined;
  try {
    refused = found.fault === undefined ? await bringAbout(found.stream, operator, signal) : await takeAway(found.stream, operator, signal);
  } finally {
    // Also when something passing keeps the agent's objects from being written: what is the case is told all the same.
    await report({ ...found, ...operator.world.agent(found.stream), refused, pool: operator.pool() }, operator, signal);
  }
  return refused === undefined ? {} : { requeueAfterSeconds: REFUSED_SECONDS };
}

/** The agent's objects as the spec wants them. Returns why not, when somebody has to mend it. */
async function bringAbout(stream: CameraStream, operator: Operator, signal: AbortSignal): Promise<Judgement | undefined> {
  const desired = desiredAgent(stream, operator.config, operator.authorities());
  const there = operator.world.agent(stream);
  try {
    await ensure(resources.serviceAccounts, desired.serviceAccount, there.serviceAccount, operator, signal);
    if (desired.configMap !== undefined) await ensure(resources.configMaps, desired.configMap, there.configMap, operator, signal);
    await ensure(resources.deployments, desired.deployment, there.deployment, operator, signal);
    return undefined;
  } catch (error) {
    const judgement = judgementOf(error);
    if (judgement === undefined) throw error;
    return judgement;
  }
}

/** An agent must not go on with what an earlier spec said. */
async function takeAway(stream: CameraStream, { api, world }: Operator, signal: AbortSignal): Promise<undefined> {
  const { deployment } = world.agent(stream);
  if (deployment === undefined || deployment.metadata?.deletionTimestamp !== undefined) return;
  await api.delete(resources.deployments, deployment.metadata ?? {}, signal).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

/** Writes an object unless it already is as desired. @throws NameTaken when it is somebody else's. */
export async function ensure<T extends KubernetesObject>(
  resource: Resource,
  desired: T,
  there: T | undefined,
  { api, world, log }: Pick<Operator, 'api' | 'world' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  if (there !== undefined && isAsDesired(there, desired)) return;
  // The mirrors hold what is ours. What they do not hold may be somebody else's all the same.
  if (there === undefined && (await isForeign(resource, desired, api, signal))) throw new NameTaken(resource, desired);
  const written = await api.apply<T>(resource, withDesiredHash(desired), { fieldManager: FIELD_MANAGER }, signal);
  world.wrote(resource, written);
  log.info(
    { kind: resource.kind, namespace: desired.metadata?.namespace, name: desired.metadata?.name },
    there === undefined ? 'created' : 'updated',
  );
}

/** Asked as a list of one, for the right to list is there already. */
async function isForeign(resource: Resource, { metadata }: KubernetesObject, api: ApiServer, signal: AbortSignal): Promise<boolean> {
  const { items } = await api.list(resource, { namespace: metadata?.namespace, fieldSelector: `metadata.name=${metadata?.name}` }, signal);
  const labels = Object.entries(metadata?.labels ?? {});
  return items.some((there) => labels.some(([label, value]) => there.metadata?.labels?.[label] !== value));
}

async function report(observed: Observed, operator: Operator, signal: AbortSignal): Promise<void> {
  const { stream } = observed;
  const status = statusOf(observed, operator.now());
  if (sameStatus(stream, status)) return;
  const written = await writeStatus(stream, status, operator, signal);
  if (written === undefined) return;
  operator.world.wrote(resources.cameraStreams, written);
  const before = readyOf(stream.status ?? {});
  const ready = readyOf(status)!;
  if (before?.status !== ready.status || before.reason !== ready.reason) operator.onReady(stream, ready, before);
}

async function writeStatus(
  { metadata: { namespace, name, uid } }: CameraStream,
  status: OperatorStatus,
  { api }: Operator,
  signal: AbortSignal,
): Promise<CameraStream | undefined> {
  const patch = { apiVersion, kind, metadata: { namespace, name }, status };
  try {
    const written = await api.apply<CameraStream>(
      resources.cameraStreams,
      patch,
      { fieldManager: FIELD_MANAGER, subresource: 'status' },
      signal,
    );
    // Made anew under its name meanwhile: the server passes over the uid. The watch tells of it, and the next pass mends it.
    return written.metadata.uid === uid ? written : undefined;
  } catch (error) {
    // Deleted meanwhile: that is told by the watch.
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** An object of this name is there and is not the operator's. */
class NameTaken extends Error {
  constructor({ kind: taken }: Resource, { metadata }: KubernetesObject) {
    super(
      `${taken} ${metadata?.namespace}/${metadata?.name} is there and is not Footfall's: remove it, or give the CameraStream another name.`,
    );
  }
}

/** What only a person can mend, as a condition; undefined for what passes by itself. */
function judgementOf(error: unknown): Judgement | undefined {
  if (error instanceof NameTaken) return { status: 'False', reason: 'NameTaken', message: error.message };
  if (!(error instanceof ApiFault) || error.transient || error.code === 401 || error.code === 404 || error.code === 409) return undefined;
  return { status: 'False', reason: 'AgentForbidden', message: `The API server does not take the agent: ${error.message}.` };
}
