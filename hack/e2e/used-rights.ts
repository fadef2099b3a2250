/** The rights of hack/chart/rights.ts against the calls that were made: what nobody used, and what was denied. */
import type { Right } from '../chart/rights.ts';
import type { Call } from './audit.ts';
import { SYSTEM } from './installation.ts';

/** In milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Each as `operator: delete deployments.apps`. */
export function unused(rights: readonly Right[], calls: readonly Call[]): string[] {
  return rights.flatMap((right) =>
    Object.keys(right.verbs)
      .filter((verb) => !calls.some((call) => uses(call, right, verb)))
      .map((verb) => `${right.who}: ${verb} ${nameOf(right)} (${right.where})`),
  );
}

/** Each once. While a release is taken away its roles go before its pods do: what is denied then is left out. */
export function denied(calls: readonly Call[], uninstalls: readonly Span[]): string[] {
  const found = calls.filter(({ annotations, stageTimestamp }) => {
    const at = Date.parse(stageTimestamp);
    return annotations?.['authorization.k8s.io/decision'] === 'forbid' && !uninstalls.some(({ from, to }) => at >= from && at <= to);
  });
  return [...new Set(found.map(({ user, verb, requestURI }) => `${user.username}: ${verb} ${requestURI.replace(/\?.*/, '')}`))];
}

function uses({ user, verb, objectRef, responseStatus, annotations }: Call, right: Right, wanted: string): boolean {
  if (user.username !== `system:serviceaccount:${SYSTEM}:footfall-${right.who}` || objectRef === undefined) return false;
  const { apiGroup = '', resource, subresource, namespace, name } = objectRef;
  if (apiGroup !== right.group || [resource, subresource].filter(Boolean).join('/') !== right.resource) return false;
  if (right.name !== undefined && right.name !== name) return false;
  if (right.where.startsWith('own') && namespace !== SYSTEM) return false;
  // Who may do it everywhere needs no role of the namespace for it.
  if (right.where === 'own-namespaced' && annotations?.['authorization.k8s.io/reason']?.startsWith('RBAC: allowed by RoleBinding') !== true)
    return false;
  // An apply of what is not there yet is a patch that has to be allowed to create.
  return verb === wanted || (wanted === 'create' && verb === 'patch' && responseStatus?.code === 201);
}

function nameOf({ group, resource, name }: Right): string {
  return `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
}
