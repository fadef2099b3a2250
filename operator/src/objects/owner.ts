/** The operator's own Deployment, which owns the objects that the operator creates for itself. */
import { type ApiServer, resources, type V1Deployment, type V1OwnerReference } from '#crds/cluster/api.ts';
import type { OperatorConfig } from '../config.ts';

/** Undefined where the configuration names no Deployment. */
export type OwnerLookup = (signal: AbortSignal) => Promise<V1OwnerReference | undefined>;

/** Asks the API server once: the uid of a Deployment stays the same while its pods run. */
export function ownerLookup(
  { namespace, deployment: name }: Pick<OperatorConfig, 'namespace' | 'deployment'>,
  api: ApiServer,
): OwnerLookup {
  const { apiVersion, kind } = resources.deployments;
  let owner: V1OwnerReference | undefined;
  return async (signal) => {
    if (name === undefined) return undefined;
    const uid = owner?.uid ?? (await api.get<V1Deployment>(resources.deployments, { namespace, name }, signal)).metadata!.uid!;
    owner = { apiVersion, kind, name, uid };
    return owner;
  };
}
