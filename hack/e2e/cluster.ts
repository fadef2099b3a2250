/** The kind cluster: finds or makes it, and labels its nodes. It does not touch the user's own kubeconfig. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseDocuments } from '#crds/documents.ts';
import { type KindConfig, withAuditLog } from './audit.ts';
import { run } from './commands.ts';

/** Two sites; the node of the second one is the facility, too. */
export const SITE = 'store-12';
export const OTHER_SITE = 'store-13';
export const FACILITY_LABEL = 'e2e.footfall.dev/facility';

export interface Cluster {
  readonly name: string;
  readonly kubeconfig: string;
  /** The node of the cameras, and the one of operator and counters. */
  readonly site: string;
  readonly facility: string;
  /** Whether the cluster existed before. */
  readonly found: boolean;
}

/**
 * Finds the cluster of this name, or makes it. KIND_CONFIG and KIND_NODE_IMAGE are for machines that need their own.
 * @throws Error with a sentence.
 */
export async function ensureCluster(name: string, folder: string, signal: AbortSignal): Promise<Cluster> {
  const kubeconfig = join(folder, 'kubeconfig');
  const found = (await run('kind', ['get', 'clusters'], { signal })).split('\n').includes(name);
  if (found) await reuse(name, kubeconfig, signal);
  else await create(name, folder, kubeconfig, signal);
  const kubectl = (...args: string[]) => run('kubectl', ['--kubeconfig', kubeconfig, ...args], { seconds: 180, signal });
  await kubectl('wait', '--for=condition=Ready', 'node', '--all', '--timeout=150s');
  const workers = (
    await kubectl('get', 'nodes', '--selector=!node-role.kubernetes.io/control-plane', '--output=jsonpath={.items[*].metadata.name}')
  )
    .split(' ')
    .toSorted();
  const [site, facility] = workers;
  if (site === undefined || facility === undefined)
    throw new Error(`Cluster ${name} needs two worker nodes, and has ${workers.filter(Boolean).length}.`);
  await kubectl('uncordon', site, facility);
  await kubectl('label', '--overwrite', 'node', site, `footfall.dev/site=${SITE}`, `${FACILITY_LABEL}-`);
  await kubectl('label', '--overwrite', 'node', facility, `footfall.dev/site=${OTHER_SITE}`, `${FACILITY_LABEL}=true`);
  return { name, kubeconfig, site, facility, found };
}

export async function deleteCluster({ name, kubeconfig }: Cluster): Promise<void> {
  await run('kind', ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig]);
}

/** Resumes nodes that an interrupted run has paused. */
async function reuse(name: string, kubeconfig: string, signal: AbortSignal): Promise<void> {
  await run('kind', ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfig], { signal });
  const paused = (
    await run('docker', ['ps', '--quiet', '--filter', 'status=paused', '--filter', `label=io.x-k8s.kind.cluster=${name}`], { signal })
  )
    .split('\n')
    .filter(Boolean);
  if (paused.length > 0) await run('docker', ['unpause', ...paused], { signal });
}

async function create(name: string, folder: string, kubeconfig: string, signal: AbortSignal): Promise<void> {
  const given = process.env['KIND_CONFIG'] ?? fileURLToPath(new URL('kind.yaml', import.meta.url));
  const {
    value,
    faults: [fault],
  } = parseDocuments(await readFile(given, 'utf8'))[0]!;
  if (fault !== undefined) throw new Error(`${given} ${fault.message}.`);
  const config = join(folder, 'kind.json');
  await writeFile(config, JSON.stringify(withAuditLog(value as KindConfig)));
  const image = process.env['KIND_NODE_IMAGE'];
  const args = ['create', 'cluster', '--name', name, '--kubeconfig', kubeconfig, '--config', config, '--wait', '150s'];
  await run('kind', [...args, ...(image === undefined ? [] : ['--image', image])], { seconds: 400, signal });
}
