/**
 * The rights of operator and counters at the API server: each verb with the reason for it. The chart's roles are compared
 * with this table, and docs/rights.md is generated from it.
 */

/**
 * streams: the namespaces with CameraStreams; own: the release's namespace; own-namespaced: the same, only with
 * watchNamespaces; own-certificate: the same, only if the operator issues the certificate; cluster: the whole cluster.
 */
export type Where = 'streams' | 'own' | 'own-namespaced' | 'own-certificate' | 'cluster';

export interface Right {
  readonly who: 'operator' | 'counter';
  readonly where: Where;
  /** Empty for the core group. */
  readonly group: string;
  readonly resource: string;
  /** Left out, all objects. */
  readonly name?: string;
  /** The reason, by verb. */
  readonly verbs: Readonly<Record<string, string>>;
}

const INFORMER = { list: 'fills the informer cache', watch: 'keeps the informer cache up to date' };

export const rights: readonly Right[] = [
  { who: 'operator', where: 'streams', group: 'footfall.dev', resource: 'camerastreams', verbs: INFORMER },
  {
    who: 'operator',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams/status',
    verbs: { patch: "writes the conditions and the agent's node and pod (server-side apply)" },
  },
  {
    who: 'operator',
    where: 'streams',
    group: 'apps',
    resource: 'deployments',
    verbs: {
      ...INFORMER,
      create: 'creates that of an agent or of the pool (server-side apply of a new object)',
      patch: 'updates that of an agent or of the pool (server-side apply)',
      delete: "deletes an agent's when the CameraStream has become invalid",
    },
  },
  {
    who: 'operator',
    where: 'streams',
    group: '',
    resource: 'serviceaccounts',
    verbs: { ...INFORMER, create: "creates an agent's", patch: "updates an agent's (server-side apply)" },
  },
  {
    who: 'operator',
    where: 'streams',
    group: '',
    resource: 'configmaps',
    verbs: {
      ...INFORMER,
      create: 'gives an agent the authorities of the counters',
      patch: 'gives an agent a new authority (server-side apply)',
    },
  },
  { who: 'operator', where: 'streams', group: '', resource: 'pods', verbs: INFORMER },
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
    verbs: { create: 'creates the lease; a create cannot be limited to a name' },
  },
  {
    who: 'operator',
    where: 'own',
    group: 'coordination.k8s.io',
    resource: 'leases',
    name: 'footfall-operator',
    verbs: { get: 'reads which replica leads', update: 'acquires, renews and releases the lease' },
  },
  {
    who: 'operator',
    where: 'own',
    group: '',
    resource: 'services',
    verbs: { ...INFORMER, create: "creates the pool's; a create cannot be limited to a name" },
  },
  {
    who: 'operator',
    where: 'own',
    group: '',
    resource: 'services',
    name: 'footfall-counter',
    verbs: { patch: "updates the pool's (server-side apply)" },
  },
  {
    who: 'operator',
    where: 'own',
    group: 'apps',
    resource: 'deployments',
    name: 'footfall-operator',
    verbs: { get: "reads the operator's own, which becomes the owner of the pool" },
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
          get: "reads the counters' certificate or its authority",
          update: 'issues and renews it; the chart creates the empty Secret',
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
    verbs: { ...INFORMER, create: "creates the pool's; a create cannot be limited to a name" },
  },
  {
    who: 'operator',
    where: 'own-namespaced',
    group: 'apps',
    resource: 'deployments',
    name: 'footfall-counter',
    verbs: { patch: "updates the pool's (server-side apply)" },
  },
  { who: 'operator', where: 'own-namespaced', group: '', resource: 'serviceaccounts', verbs: INFORMER },
  { who: 'operator', where: 'own-namespaced', group: '', resource: 'pods', verbs: INFORMER },
  {
    who: 'counter',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams',
    verbs: {
      get: 'reads the ledger before a term is claimed, and after a conflict',
      list: 'checks readiness, and reads the specs of streams that it serves',
      watch: 'notices an edited spec at once',
    },
  },
  {
    who: 'counter',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams/status',
    verbs: { patch: 'commits counts and reports the state of the stream (server-side apply)' },
  },
  {
    who: 'counter',
    where: 'cluster',
    group: 'authentication.k8s.io',
    resource: 'tokenreviews',
    verbs: { create: "verifies an agent's token; token reviews are cluster-wide, so a Role cannot grant this" },
  },
];

const PLACES: Readonly<Record<Where, string>> = {
  streams: 'all namespaces, or `watchNamespaces`',
  own: "the release's namespace",
  'own-namespaced': "the release's namespace, only with `watchNamespaces`",
  'own-certificate': "the release's namespace, unless `tls` names another issuer or a Secret",
  cluster: 'the cluster, also with `watchNamespaces`',
};

/** docs/rights.md. */
export function rightsText(): string {
  return `<!-- Generated from hack/chart/rights.ts; do not edit. To change it, edit that and run: node hack/chart/generate.ts -->

# Rights

Each verb of the chart's roles, with the reason for it. Agents have no rights: their ServiceAccounts have no role, and their
pods mount only a token for the counters and the certificates of the counters' authorities.

${(['operator', 'counter'] as const).map((who) => `## ${who}\n\n${tableOf(rights.filter((right) => right.who === who))}`).join('\n\n')}

## What a stolen token allows

- **operator**: the right to create Deployments in a namespace includes running pods there with any of its ServiceAccounts
  and mounting any of its Secrets. An attacker with the operator's token controls every namespace in which the operator may
  create agents; \`watchNamespaces\` limits these. Directly, the token reads the Secrets of the counters' certificate and its
  authority, and all ConfigMaps in namespaces with streams; it cannot enter pods or change roles.
- **counter**: an attacker with a counter's token can write false counts and states, and read the addresses of cameras (not
  their logins). It can verify any token that it has, which reveals no other token.
`;
}

function tableOf(of: readonly Right[]): string {
  const rows = of.flatMap(({ where, group, resource, name, verbs }) => {
    const [plural, subresource] = resource.split('/');
    const suffix = `${subresource === undefined ? '' : `/${subresource}`}${name === undefined ? '' : ` \`${name}\``}`;
    const what = `${plural}${group === '' ? '' : `.${group}`}${suffix}`;
    return Object.entries(verbs).map(([verb, reason]) => `| ${what} | ${verb} | ${PLACES[where]} | ${reason} |`);
  });
  return ['| resource | verb | where | why |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
