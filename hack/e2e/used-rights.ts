/** Compares the rights of hack/chart/rights.ts with the calls in the audit log: unused verbs, and denied calls. */
import type { Right } from '../chart/rights.ts';
import type { Call } from './audit.ts';
import { SYSTEM } from './installation.ts';

/** In milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Each as `operator: delete deployments.apps`. */
export function unusedVerbs(rights: readonly Right[], calls: readonly Call[]): string[] {
  return rights.flatMap((right) =>
    Object.keys(right.verbs)
      .filter((verb) => !calls.some((call) => uses(call, right, verb)))
      .map((verb) => `${right.who}: ${verb} ${nameOf(right)} (${right.where})`),
  );
}

/** Each once. Helm narrows or deletes roles before it replaces or stops pods: calls that are denied then are left out. */
export function deniedCalls(calls: readonly Call[], roleChanges: readonly Span[]): string[] {
  const found = calls.filter(({ annotations, stageTimestamp }) => {
    const at = Date.parse(stageTimestamp);
    return annotations?.['authorization.k8s.io/decision'] === 'forbid' && !roleChanges.some(({ from, to }) => at >= from && at <= to);
  });
  return [...new Set(found.map(({ user, verb, requestURI }) => `${user.username}: ${verb} ${requestURI.replace(/\?.*/, '')}`))];
}

function uses({ user, verb, objectRef, responseStatus, annotations }: Call, right: Right, wanted: string): boolean {
  if (user.username !== `system:serviceaccount:${SYSTEM}:footfall-${right.who}` || objectRef === undefined) return false;
  const { apiGroup = '', resource, subresource, namespace, name } = objectRef;
  if (apiGroup !== right.group || [resource, subresource].filter(Boolean).join('/') !== right.resource) return false;
  if (right.name !== undefined && right.name !== name) return false;
  if (right.where.startsWith('own') && namespace !== SYSTEM) return false;
  // A call that a ClusterRole allows needs no role of the namespace.
  if (right.where === 'own-namespaced' && annotations?.['authorization.k8s.io/reason']?.startsWith('RBAC: allowed by RoleBinding') !== true)
    return false;
  // An apply of a missing object is a patch that needs the right to create.
  return verb === wanted || (wanted === 'create' && verb === 'patch' && responseStatus?.code === 201);
}

function nameOf({ group, resource, name }: Right): string {
  return `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
}
