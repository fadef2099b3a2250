/** What a run leaves: a summary for machines, and for each broken promise what explains it. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '#crds/cluster/api.ts';
import { SYSTEM } from './installation.ts';
import type { Kubectl } from './kubectl.ts';

/** In the current folder, which git ignores. */
export const REPORT = 'e2e-report';

export interface ScenarioResult {
  readonly name: string;
  readonly promise: string;
  readonly seconds: number;
  readonly notes: readonly string[];
  /** Why the promise is broken. */
  readonly error: string | undefined;
}

/** Removes the report of an earlier run. */
export async function clearReport(): Promise<void> {
  await rm(REPORT, { recursive: true, force: true });
}

export async function writeSummary(results: readonly ScenarioResult[]): Promise<void> {
  await mkdir(REPORT, { recursive: true });
  const scenarios = results.map(({ error, ...result }) => ({
    ...result,
    kept: error === undefined,
    ...(error !== undefined && { error }),
  }));
  await writeFile(
    join(REPORT, 'summary.json'),
    `${JSON.stringify({ kept: scenarios.every(({ kept }) => kept), scenarios }, undefined, 2)}\n`,
  );
}

/** Logs, events, descriptions and resources of the scenario's namespace, of Footfall's and of the cluster's own. */
export async function keepDiagnostics(name: string, namespace: string, error: Error, kubectl: Kubectl): Promise<void> {
  const folder = join(REPORT, name);
  await mkdir(folder, { recursive: true });
  // A file that kubectl cannot fill contains the reason.
  const keep = async (file: string, args: readonly string[]) =>
    writeFile(join(folder, file), await kubectl(args).catch((fault: unknown) => `${(fault as Error).message}\n`));
  await writeFile(join(folder, 'error.txt'), `${error.stack ?? error.message}\n`);
  await keep('nodes.txt', ['describe', 'nodes']);
  for (const within of [namespace, SYSTEM, 'cameras', 'kube-system']) {
    const scope = `--namespace=${within}`;
    await keep(`${within}.events.txt`, ['events', scope]);
    await keep(`${within}.describe.txt`, ['describe', 'pods,deployments,services', scope]);
    await keep(`${within}.resources.yaml`, [
      'get',
      'pods,deployments,serviceaccounts,services,endpointslices,leases',
      scope,
      '--output=yaml',
    ]);
    const { items } = JSON.parse(await kubectl(['get', 'pods', scope, '--output=json'])) as { items: V1Pod[] };
    for (const { metadata, status } of items) {
      const pod = metadata!.name!;
      await keep(`${within}.${pod}.log`, ['logs', scope, pod, '--all-containers', '--tail=5000']);
      const restarted = status?.containerStatuses?.some(({ restartCount }) => restartCount > 0) === true;
      if (restarted) await keep(`${within}.${pod}.previous.log`, ['logs', scope, pod, '--previous', '--tail=5000']);
    }
  }
  await keep('streams.describe.txt', ['describe', 'camerastreams', `--namespace=${namespace}`]);
  await keep('streams.yaml', ['get', 'camerastreams', '--all-namespaces', '--output=yaml', '--show-managed-fields']);
}
