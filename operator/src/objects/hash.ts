/**
 * Whether an object has to be written at all. A seal (the hash of what was asked for) tells when the wish has changed,
 * also when it has become less; looking at the object tells when somebody else has changed it.
 */
import { createHash } from 'node:crypto';
import type { KubernetesObject } from '#crds/cluster/api.ts';
import { covers } from './covers.ts';

const SEAL = 'footfall.dev/desired';

/** The object with its seal. */
export function withDesiredHash<T extends KubernetesObject>(desired: T): T {
  const annotations = { ...desired.metadata?.annotations, [SEAL]: sealOf(desired) };
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

export function isAsDesired(there: KubernetesObject, desired: KubernetesObject): boolean {
  return there.metadata?.annotations?.[SEAL] === sealOf(desired) && covers(withoutKind(there), withoutKind(desired));
}

function sealOf(desired: KubernetesObject): string {
  return createHash('sha256').update(JSON.stringify(desired)).digest('hex').slice(0, 16);
}

/** Items of a list do not name their kind. */
function withoutKind(object: KubernetesObject): object {
  const { apiVersion: _, kind: __, ...rest } = object;
  return rest;
}
