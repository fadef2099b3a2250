/** helm as a person would use it, against the cluster under test: 3 and 4 do. */
import { run } from './commands.ts';

/** What it wrote to stdout. `values` are those of the chart. @throws Error with its last words. */
export type Helm = (args: readonly string[], values?: object) => Promise<string>;

export function helmOf(kubeconfig: string, signal: AbortSignal): Helm {
  return (args, values) => {
    const options = { environment: { KUBECONFIG: kubeconfig }, seconds: 200, signal };
    return values === undefined
      ? run('helm', args, options)
      : run('helm', [...args, '--values=-'], { ...options, input: JSON.stringify(values) });
  };
}
