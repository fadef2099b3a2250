/** kubectl as a user runs it, against the cluster under test. */
import { run } from './commands.ts';

export interface Kubectl {
  /** @returns kubectl's stdout. @throws Error with the end of its output. */
  (args: readonly string[], seconds?: number): Promise<string>;
  /** Server-side, from YAML or JSON. */
  apply(manifests: string): Promise<void>;
  /** In which Pod Security admits only restricted pods. */
  makeNamespace(name: string): Promise<void>;
}

/** The last lines of these pods' logs, or why kubectl cannot get them. */
export async function lastLogLines(kubectl: Kubectl, namespace: string, selector: string): Promise<string> {
  const args = ['logs', `--namespace=${namespace}`, `--selector=${selector}`, '--prefix', '--tail=3', '--ignore-errors'];
  return (await kubectl(args).catch((error: unknown) => (error as Error).message)).trimEnd();
}

export function kubectlOf(kubeconfig: string, signal: AbortSignal): Kubectl {
  const kubectl = (args: readonly string[], seconds = 60) =>
    run('kubectl', args, { environment: { KUBECONFIG: kubeconfig }, seconds, signal });
  const apply = async (manifests: string) => {
    const args = ['apply', '--server-side', '--force-conflicts', '--field-manager=footfall-e2e', '--filename=-'];
    await run('kubectl', args, { environment: { KUBECONFIG: kubeconfig }, input: manifests, signal });
  };
  const makeNamespace = (name: string) => {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    return apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }));
  };
  return Object.assign(kubectl, { apply, makeNamespace });
}
