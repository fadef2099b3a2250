/** helm as a user runs it, against the cluster under test; version 3 or 4. */
import { run } from './commands.ts';

/** @param values of the chart. @returns helm's stdout. @throws Error with the end of its output. */
export type Helm = (args: readonly string[], values?: object) => Promise<string>;

export function helmOf(kubeconfig: string, signal: AbortSignal): Helm {
  return (args, values) => {
    const options = { environment: { KUBECONFIG: kubeconfig }, seconds: 200, signal };
    return values === undefined
      ? run('helm', args, options)
      : run('helm', [...args, '--values=-'], { ...options, input: JSON.stringify(values) });
  };
}
