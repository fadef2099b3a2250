/** The identity by which counters know an agent: the operator creates its account, the counter verifies its token. */

/** The only audience of an agent's token. */
export const COUNTER_AUDIENCE = 'footfall-counter';

/** The name of the stream's ServiceAccount, Deployment and ConfigMap. */
export function agentName(stream: string): string {
  return `${stream}-agent`;
}

/** The API server's user name of the only account that may send the stream. */
export function agentUser({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `system:serviceaccount:${namespace}:${agentName(name)}`;
}
