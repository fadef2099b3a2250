/**
 * What operator and counters may do at the API server: each verb with its reason. Tests compare the chart's roles with this
 * table, and docs/rights.md is generated from it.
 */

/**
 * streams: in all namespaces with CameraStreams; own: in the release's namespace; own-namespaced: there, only with
 * watchNamespaces; own-certificate: there, only if the operator makes the counters' certificate; cluster: always cluster-wide.
 */
export type Where = 'streams' | 'own' | 'own-namespaced' | 'own-certificate' | 'cluster';

export interface Right {
  readonly who: 'operator' | 'counter';
  readonly where: Where;
  /** Empty for Kubernetes' core group. */
  readonly group: string;
  readonly resource: string;
  /** Absent: all names. */
  readonly name?: string;
  /** Reasons by verb. */
  readonly verbs: Readonly<Record<string, string>>;
}

const CACHED = { list: 'fills its informer cache', watch: 'keeps the informer cache fresh' };

export const rights: readonly Right[] = [
  { who: 'operator', where: 'streams', group: 'footfall.dev', resource: 'camerastreams', verbs: CACHED },
  {
    who: 'operator',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams/status',
    verbs: { patch: 'reports conditions, and where the agent runs (server-side apply)' },
  },
  {
    who: 'operator',
    where: 'streams',
    group: 'apps',
    resource: 'deployments',
    verbs: {
      ...CACHED,
      create: "creates an agent's or the pool's: server-side apply of a missing object needs it",
      patch: "changes an agent's or the pool's (server-side apply)",
      delete: "deletes an agent's when its CameraStream has become invalid",
    },
  },
  {
    who: 'operator',
    where: 'streams',
    group: '',
    resource: 'serviceaccounts',
    verbs: { ...CACHED, create: "creates an agent's", patch: "changes an agent's (server-side apply)" },
  },
  {
    who: 'operator',
    where: 'streams',
    group: '',
    resource: 'configmaps',
    verbs: {
      ...CACHED,
      create: "gives an agent the authority of the counters' certificate",
      patch: 'gives an agent another authority (server-side apply)',
    },
  },
  { who: 'operator', where: 'streams', group: '', resource: 'pods', verbs: CACHED },
  {
    who: 'operator',
    where: 'streams',
    group: 'events.k8s.io',
    resource: 'events',
    verbs: { create: 'reports a change of Ready', patch: 'counts a repeated Event in the first one' },
  },
  {
    who: 'operator',
    where: 'own',
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: { create: 'the first leader creates the lease; RBAC cannot limit create to a name' },
  },
  {
    who: 'operator',
    where: 'own',
    group: 'coordination.k8s.io',
    resource: 'leases',
    name: 'footfall-operator',
    verbs: { get: 'reads which replica leads', update: 'takes, keeps and releases the lead' },
  },
  {
    who: 'operator',
    where: 'own',
    group: '',
    resource: 'services',
    verbs: { ...CACHED, create: "creates the pool's; RBAC cannot limit create to a name" },
  },
  {
    who: 'operator',
    where: 'own',
    group: '',
    resource: 'services',
    name: 'footfall-counter',
    verbs: { patch: "changes the pool's (server-side apply)" },
  },
  {
    who: 'operator',
    where: 'own',
    group: 'apps',
    resource: 'deployments',
    name: 'footfall-operator',
    verbs: { get: "names its own as the pool's owner, so that Kubernetes deletes the pool with it" },
  },
  ...['footfall-counter-tls', 'footfall-counter-authority'].map(
    (name) =>
      ({
        who: 'operator',
        where: 'own-certificate',
        group: '',
        resource: 'secrets',
        name,
        verbs: {
          get: "reads the counters' certificate and its authority",
          update: 'makes and renews them; the chart creates the empty Secret',
        },
      }) as const,
  ),
  {
    who: 'operator',
    where: 'own-namespaced',
    group: 'events.k8s.io',
    resource: 'events',
    verbs: { create: 'reports that a certificate was renewed, or cannot be', patch: 'counts a repeated Event in the first one' },
  },
  {
    who: 'operator',
    where: 'own-namespaced',
    group: 'apps',
    resource: 'deployments',
    verbs: { ...CACHED, create: "creates the pool's; RBAC cannot limit create to a name" },
  },
  {
    who: 'operator',
    where: 'own-namespaced',
    group: 'apps',
    resource: 'deployments',
    name: 'footfall-counter',
    verbs: { patch: "changes the pool's (server-side apply)" },
  },
  { who: 'operator', where: 'own-namespaced', group: '', resource: 'serviceaccounts', verbs: CACHED },
  { who: 'operator', where: 'own-namespaced', group: '', resource: 'pods', verbs: CACHED },
  {
    who: 'counter',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams',
    verbs: {
      get: 'reads the ledger before it takes a term, and after a conflict',
      list: 'proves readiness, and reads the spec of a stream that it serves',
      watch: 'applies an edited spec at once',
    },
  },
  {
    who: 'counter',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams/status',
    verbs: { patch: 'commits counts, and reports the state of the stream (server-side apply)' },
  },
  {
    who: 'counter',
    where: 'cluster',
    group: 'authentication.k8s.io',
    resource: 'tokenreviews',
    verbs: { create: 'verifies the token that an agent sends; tokens belong to no namespace, so no Role can grant this' },
  },
];

const PLACES: Readonly<Record<Where, string>> = {
  streams: 'all namespaces; with `watchNamespaces`, only these',
  own: "the release's namespace",
  'own-namespaced': "the release's namespace, only with `watchNamespaces`",
  'own-certificate': "the release's namespace, unless `tls` names another source of the certificate",
  cluster: 'the cluster, also with `watchNamespaces`',
};

/** docs/rights.md. */
export function rightsText(): string {
  return `<!-- Generated from hack/chart/rights.ts; do not edit. To change it, edit that and run: node hack/chart/generate.ts -->

# Rights

Each verb that a role of the chart allows, and what it is for. Agents have none: their ServiceAccounts are bound to no role, and
their pods mount nothing but a token for counters and the authority of the counters' certificate.

${(['operator', 'counter'] as const).map((who) => `## ${who}\n\n${tableOf(rights.filter((right) => right.who === who))}`).join('\n\n')}

## What they amount to

- **operator**: a right to create Deployments in a namespace is a right to run pods there with any of its ServiceAccounts, and to
  mount any of its Secrets into them. So a compromised operator has the power of every namespace in which it makes agents:
  \`watchNamespaces\` limits these. By itself it can read no Secret but the counters' certificate and its authority, and all
  ConfigMaps where there are streams; it can enter no pod and change no role.
- **counter**: a compromised counter can write false counts and states, and read where cameras are (not their logins). It can
  have the API server review any token that it was sent, and learns no other token by that.
`;
}

function tableOf(of: readonly Right[]): string {
  const rows = of.flatMap(({ where, group, resource, name, verbs }) => {
    const [plural, subresource] = resource.split('/');
    const kind = `${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
    const what = `${kind}${name === undefined ? '' : ` \`${name}\``}`;
    return Object.entries(verbs).map(([verb, reason]) => `| ${what} | ${verb} | ${PLACES[where]} | ${reason} |`);
  });
  return ['| resource | verb | where | why |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
