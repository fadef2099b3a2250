/** The API server's audit log: every call that Footfall's accounts made. */
import { fileURLToPath } from 'node:url';
import { run } from './commands.ts';

const POLICY = fileURLToPath(new URL('manifests/audit-policy.yaml', import.meta.url));
/** On the control plane's node. */
const FOLDER = '/etc/kubernetes/audit';
const LOG = `${FOLDER}/calls.log`;

/** The fields of a line of the log that are used here. */
export interface Call {
  readonly verb: string;
  readonly requestURI: string;
  readonly stageTimestamp: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The fields of a kind cluster's configuration that are used here. */
export interface KindConfig {
  readonly kubeadmConfigPatches?: readonly string[];
  readonly nodes?: readonly { readonly role?: string; readonly extraMounts?: readonly object[] }[];
}

/** Adds the audit log to the API server's first start: after a restart for it, DNS in the cluster fails for minutes. */
export function withAuditLog(config: KindConfig): KindConfig {
  const { kubeadmConfigPatches = [], nodes = [{}] } = config;
  const policy = { hostPath: POLICY, containerPath: `${FOLDER}/policy.yaml`, readOnly: true };
  const extraArgs = { 'audit-policy-file': policy.containerPath, 'audit-log-path': LOG };
  const extraVolumes = [{ name: 'audit', hostPath: FOLDER, mountPath: FOLDER, pathType: 'DirectoryOrCreate' }];
  // Without a version: kind brings it into the form that its kubeadm takes.
  const patch = { kind: 'ClusterConfiguration', apiServer: { extraArgs, extraVolumes } };
  return {
    ...config,
    kubeadmConfigPatches: [...kubeadmConfigPatches, JSON.stringify(patch)],
    // A node without a role is a control plane, too.
    nodes: nodes.map((node) => (node.role === 'worker' ? node : { ...node, extraMounts: [...(node.extraMounts ?? []), policy] })),
  };
}

/** The calls since this time. */
export async function callsSince(time: Date, cluster: string, signal: AbortSignal): Promise<readonly Call[]> {
  const log = await run('docker', ['exec', `${cluster}-control-plane`, 'cat', LOG], { signal }).catch((error: unknown) => {
    throw new Error(
      `Cluster ${cluster} keeps no audit log. Delete it, so that the next run makes one that does (kind delete cluster --name ${cluster}).`,
      {
        cause: error,
      },
    );
  });
  const calls = log
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Call);
  return calls.filter(({ stageTimestamp }) => Date.parse(stageTimestamp) >= time.getTime());
}
