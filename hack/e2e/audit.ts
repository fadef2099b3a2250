/** What was really asked of the API server, in its own words: its audit log. */
import { parseDocuments } from '#crds/documents.ts';
import { run } from './commands.ts';
import { eventually } from './eventually.ts';

const FOLDER = '/etc/kubernetes/audit';
const LOG = `${FOLDER}/calls.log`;
const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';

/** Who asked for what, not what was answered; the cluster's own accounts are nobody's concern here. */
const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system', 'system:serviceaccounts:local-path-storage'] },
    { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
    { level: 'None' },
  ],
};

/** A line of the log, as far as it is looked at. */
export interface Call {
  readonly verb: string;
  readonly requestURI: string;
  readonly stageTimestamp: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly apiGroup?: string; readonly resource: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface StaticPod {
  readonly spec: {
    readonly containers: { command: string[]; volumeMounts: object[] }[];
    readonly volumes: object[];
  };
}

/**
 * Has the cluster's API server keep the log; it is started anew for that, once. Whatever configuration a cluster is made
 * with, its API server is a static pod, and the kubelet follows what lies in its folder.
 */
export async function ensureAudit(cluster: string, signal: AbortSignal): Promise<void> {
  const node = `${cluster}-control-plane`;
  const manifest = parseDocuments(await run('docker', ['exec', node, 'cat', MANIFEST], { signal }))[0]!.value as StaticPod;
  const { containers: [server], volumes } = manifest.spec;
  if (server!.command.some((option) => option.startsWith('--audit-policy-file='))) return;
  server!.command.push(`--audit-policy-file=${FOLDER}/policy.json`, `--audit-log-path=${LOG}`);
  server!.volumeMounts.push({ name: 'audit', mountPath: FOLDER });
  volumes.push({ name: 'audit', hostPath: { path: FOLDER, type: 'DirectoryOrCreate' } });
  await put(node, `${FOLDER}/policy.json`, POLICY, signal);
  await put(node, MANIFEST, manifest, signal);
  await eventually('the API server keeps an audit log', 120, async () => {
    await run('docker', ['exec', node, 'test', '-e', LOG], { signal });
    await run('docker', ['exec', node, 'kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', 'get', '--raw=/readyz'], { signal });
  }, signal);
}

/** Everything since then. */
export async function callsSince(time: Date, cluster: string, signal: AbortSignal): Promise<readonly Call[]> {
  const log = await run('docker', ['exec', `${cluster}-control-plane`, 'cat', LOG], { signal });
  const calls = log.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Call);
  return calls.filter(({ stageTimestamp }) => Date.parse(stageTimestamp) >= time.getTime());
}

/** JSON, which is YAML, too. The kubelet must not find half of it. */
async function put(node: string, path: string, content: object, signal: AbortSignal): Promise<void> {
  const write = `mkdir -p ${FOLDER} && cat > ${FOLDER}/next && mv ${FOLDER}/next ${path}`;
  await run('docker', ['exec', '--interactive', node, 'sh', '-c', write], { input: JSON.stringify(content), signal });
}
