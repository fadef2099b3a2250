/** By which name an agent is known to counters: the operator makes the account, the counter asks for it. */

/** What an agent's token is for, and is good for nothing else. */
export const COUNTER_AUDIENCE = 'footfall-counter';

/** Of everything that is made for a stream: its ServiceAccount, Deployment and ConfigMap. */
export function agentName(stream: string): string {
  return `${stream}-agent`;
}

/** As the API server calls the only account that may send for the stream. */
export function agentUser({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `system:serviceaccount:${namespace}:${agentName(name)}`;
}
