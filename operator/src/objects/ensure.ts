/** Creates or updates an object by server-side apply, and leaves objects alone that the operator did not create. */
import type { ApiServer, KubernetesObject, Resource } from '#crds/cluster/api.ts';
import type { Log } from '#proto/process/log.ts';
import { isAsDesired, withDesiredHash } from './hash.ts';

/** Owns the operator's fields of every object. */
export const FIELD_MANAGER = 'footfall-operator';

export interface Writer {
  readonly api: ApiServer;
  readonly cache: { recordWrite(resource: Resource, object: KubernetesObject): void };
  readonly log: Log;
}

/** Applies `desired` unless `actual` matches it. @throws NameTaken when an object of that name is not the operator's. */
export async function ensure<T extends KubernetesObject>(
  resource: Resource,
  { desired, actual }: { readonly desired: T; readonly actual: T | undefined },
  { api, cache, log }: Writer,
  signal: AbortSignal,
): Promise<void> {
  if (actual !== undefined && isAsDesired(actual, desired)) return;
  // The informer selects the operator's labels: an object without them exists unseen.
  if (actual === undefined && (await isForeign(resource, desired, api, signal))) throw new NameTaken(resource, desired);
  const written = await api.apply<T>(resource, withDesiredHash(desired), { fieldManager: FIELD_MANAGER }, signal);
  cache.recordWrite(resource, written);
  const { namespace, name } = desired.metadata ?? {};
  log.info({ kind: resource.kind, namespace, name }, actual === undefined ? 'created' : 'updated');
}

/** An object of this name exists, and the operator did not create it. */
export class NameTaken extends Error {
  constructor({ kind }: Resource, { metadata }: KubernetesObject) {
    super(
      `${kind} ${metadata?.namespace}/${metadata?.name} exists and was not created by Footfall: delete it, or rename the CameraStream.`,
    );
  }
}

/** Reads a list of one, for which the right to list is enough. */
async function isForeign(resource: Resource, { metadata }: KubernetesObject, api: ApiServer, signal: AbortSignal): Promise<boolean> {
  const { items } = await api.list(resource, { namespace: metadata?.namespace, fieldSelector: `metadata.name=${metadata?.name}` }, signal);
  const labels = Object.entries(metadata?.labels ?? {});
  return items.some((found) => labels.some(([label, value]) => found.metadata?.labels?.[label] !== value));
}
