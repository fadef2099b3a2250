/**
 * What operator and counters may do at the API server, and why: each verb with the call that makes it. The chart's roles
 * are held against this table, and docs/rights.md is written from it.
 */

/**
 * streams: wherever there are CameraStreams; own: the release's namespace, too; own-namespaced: only with watchNamespaces;
 * own-certificate: only where the operator makes the counters' certificate; cluster: in any case.
 */
export type Where = 'streams' | 'own' | 'own-namespaced' | 'own-certificate' | 'cluster';

export interface Right {
  readonly who: 'operator' | 'counter';
  readonly where: Where;
  /** Empty for Kubernetes' own. */
  readonly group: string;
  readonly resource: string;
  /** Left out, all. */
  readonly name?: string;
  /** Why, by verb. */
  readonly verbs: Readonly<Record<string, string>>;
}

const MIRROR = { list: 'the mirror is filled', watch: 'the mirror is kept' };

export const rights: readonly Right[] = [
  { who: 'operator', where: 'streams', group: 'footfall.dev', resource: 'camerastreams', verbs: MIRROR },
  {
    who: 'operator',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams/status',
    verbs: { patch: "conditions and the agent's place are reported (server-side apply)" },
  },
  {
    who: 'operator',
    where: 'streams',
    group: 'apps',
    resource: 'deployments',
    verbs: {
      ...MIRROR,
      create: "an agent's, or the pool's, is made: server-side apply of what is not there yet needs it",
      patch: "an agent's, or the pool's, is brought about (server-side apply)",
      delete: 'an agent goes when its CameraStream has become one that nothing can be made of',
    },
  },
  {
    who: 'operator',
    where: 'streams',
    group: '',
    resource: 'serviceaccounts',
    verbs: { ...MIRROR, create: "an agent's is made", patch: "an agent's is brought about (server-side apply)" },
  },
  {
    who: 'operator',
    where: 'streams',
    group: '',
    resource: 'configmaps',
    verbs: {
      ...MIRROR,
      create: 'an agent is told by whom counters are certified',
      patch: 'an agent is told of another authority (server-side apply)',
    },
  },
  { who: 'operator', where: 'streams', group: '', resource: 'pods', verbs: MIRROR },
  {
    who: 'operator',
    where: 'streams',
    group: 'events.k8s.io',
    resource: 'events',
    verbs: { create: 'a change of Ready is told', patch: 'what is told again is counted in the first Event' },
  },
  {
    who: 'operator',
    where: 'own',
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: { create: 'the first leader makes the lease; a create cannot be limited to a name' },
  },
  {
    who: 'operator',
    where: 'own',
    group: 'coordination.k8s.io',
    resource: 'leases',
    name: 'footfall-operator',
    verbs: { get: 'who leads is read', update: 'the lead is taken, kept and given up' },
  },
  {
    who: 'operator',
    where: 'own',
    group: '',
    resource: 'services',
    verbs: { ...MIRROR, create: "the pool's is made; a create cannot be limited to a name" },
  },
  {
    who: 'operator',
    where: 'own',
    group: '',
    resource: 'services',
    name: 'footfall-counter',
    verbs: { patch: "the pool's is brought about (server-side apply)" },
  },
  {
    who: 'operator',
    where: 'own',
    group: 'apps',
    resource: 'deployments',
    name: 'footfall-operator',
    verbs: { get: "the operator's own is named as the pool's owner, so that the pool goes with it" },
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
          get: "what there is of the counters' certificate and its authority is read",
          update: 'it is made, and renewed in time; the chart makes the empty Secret',
        },
      }) as const,
  ),
  {
    who: 'operator',
    where: 'own-namespaced',
    group: 'events.k8s.io',
    resource: 'events',
    verbs: { create: 'a certificate that was renewed, or cannot be, is told', patch: 'what is told again is counted in the first Event' },
  },
  {
    who: 'operator',
    where: 'own-namespaced',
    group: 'apps',
    resource: 'deployments',
    verbs: { ...MIRROR, create: "the pool's is made; a create cannot be limited to a name" },
  },
  {
    who: 'operator',
    where: 'own-namespaced',
    group: 'apps',
    resource: 'deployments',
    name: 'footfall-counter',
    verbs: { patch: "the pool's is brought about (server-side apply)" },
  },
  { who: 'operator', where: 'own-namespaced', group: '', resource: 'serviceaccounts', verbs: MIRROR },
  { who: 'operator', where: 'own-namespaced', group: '', resource: 'pods', verbs: MIRROR },
  {
    who: 'counter',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams',
    verbs: {
      get: 'the ledger is read before a term is taken, and after a conflict',
      list: 'readiness, and the spec of a stream that is served',
      watch: 'a spec that is edited is counted by at once',
    },
  },
  {
    who: 'counter',
    where: 'streams',
    group: 'footfall.dev',
    resource: 'camerastreams/status',
    verbs: { patch: 'counts are committed, and how the stream does is told (server-side apply)' },
  },
  {
    who: 'counter',
    where: 'cluster',
    group: 'authentication.k8s.io',
    resource: 'tokenreviews',
    verbs: { create: 'the API server is asked whose token an agent sends; tokens belong to no namespace, so no Role can give this' },
  },
];

const PLACES: Readonly<Record<Where, string>> = {
  streams: 'everywhere; with `watchNamespaces`, in these',
  own: "the release's namespace",
  'own-namespaced': "the release's namespace, only with `watchNamespaces`",
  'own-certificate': "the release's namespace, unless `tls` names who else makes the certificate",
  cluster: 'the cluster, also with `watchNamespaces`',
};

/** docs/rights.md. */
export function rightsText(): string {
  return `<!-- Generated from hack/chart/rights.ts; do not edit. To change it, edit that and run: node hack/chart/generate.ts -->

# Rights

Each verb that a role of the chart has, and what it is needed for. Agents have none: their ServiceAccounts are bound to no
role, and their pods mount nothing but a token for counters and the certificate of whoever certifies these.

${(['operator', 'counter'] as const).map((who) => `## ${who}\n\n${tableOf(rights.filter((right) => right.who === who))}`).join('\n\n')}

## What they amount to

- **operator**: whoever makes Deployments in a namespace can run pods there with any of its ServiceAccounts, and can mount
  any of its Secrets into them. So a stolen operator is as good as all namespaces that it may make agents in:
  \`watchNamespaces\` makes these few. By itself it can read no Secret but the counters' certificate and its authority, and
  all ConfigMaps where there are streams; it can enter no pod, and change no role.
- **counter**: a stolen counter can write false counts and states, and read where cameras are (not their logins). It can
  ask whose any token is that it has been sent, and learns by that no other token.
`;
}

function tableOf(of: readonly Right[]): string {
  const rows = of.flatMap(({ where, group, resource, name, verbs }) => {
    const [plural, subresource] = resource.split('/');
    const what = `${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}${name === undefined ? '' : ` \`${name}\``}`;
    return Object.entries(verbs).map(([verb, reason]) => `| ${what} | ${verb} | ${PLACES[where]} | ${reason} |`);
  });
  return ['| resource | verb | where | why |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
