/**
 * Whether an object has to be written. Its desired-state hash shows that the desired state has changed, even if it only
 * lost a field; a comparison of the fields shows that another client has changed the object.
 */
import { createHash } from 'node:crypto';
import type { KubernetesObject } from '#crds/cluster/api.ts';
import { covers } from './covers.ts';

const HASH_ANNOTATION = 'footfall.dev/desired';

export function withDesiredHash<T extends KubernetesObject>(desired: T): T {
  const annotations = { ...desired.metadata?.annotations, [HASH_ANNOTATION]: hashOf(desired) };
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

export function isAsDesired(actual: KubernetesObject, desired: KubernetesObject): boolean {
  return actual.metadata?.annotations?.[HASH_ANNOTATION] === hashOf(desired) && covers(withoutKind(actual), withoutKind(desired));
}

function hashOf(desired: KubernetesObject): string {
  return createHash('sha256').update(JSON.stringify(desired)).digest('hex').slice(0, 16);
}

/** Items of a list carry no kind. */
function withoutKind(object: KubernetesObject): object {
  const { apiVersion: _, kind: __, ...rest } = object;
  return rest;
}
