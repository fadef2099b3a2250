/** Alerts, dashboard, monitors and policies fit the metrics of the processes and the pods that the operator creates. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { V1Deployment, V1Service } from '#crds/cluster/api.ts';
import { parseDocuments } from '#crds/documents.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { streamMetrics } from '../../counter-service/src/metrics.ts';
import { Site } from '../../edge-agent/src/site/site.ts';
import { desiredAgent } from '../../operator/src/streams/desired.ts';
import { configOf, streamOf } from '../../operator/src/fixtures/objects.ts';
import { desiredPool } from '../../operator/src/pool/desired.ts';
import { leaderMetrics, queueMetrics, reflectorMetrics } from '../../operator/src/runtime/metrics.ts';
import { dashboardQueries, dashboardText } from './dashboard.ts';
import { find, NAMESPACE, type Rendered, render, withoutHelm } from './helm.ts';
import { CHART } from './schema.ts';

const skip = withoutHelm();

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { key: string; operator: string; values: readonly string[] }[];
}
interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
}
interface PolicySpec {
  readonly podSelector: Selector;
  readonly ingress: readonly { from: readonly Peer[]; ports: readonly { port: number }[] }[];
  readonly egress: readonly { to?: readonly object[]; ports: readonly { port: number }[] }[];
}
interface MonitorSpec {
  readonly namespaceSelector: { any?: boolean; matchNames?: readonly string[] };
  readonly selector: Selector;
  readonly podMetricsEndpoints: readonly { port: string; interval: string }[];
}
interface Group {
  readonly rules: readonly { alert: string; expr: string; labels: Record<string, string>; annotations: Record<string, string> }[];
}

const agent = desiredAgent(streamOf(), configOf()).deployment.spec!.template;
const counter = desiredPool(1, configOf(), undefined).deployment.spec!.template;
const groups = (parseDocuments(readFileSync(new URL('files/alerts.yaml', CHART), 'utf8'))[0]!.value as { groups: Group[] }).groups;
const rules = groups.flatMap((group) => group.rules);

test('alerts and panels use only metrics that a process exports', async () => {
  const exported = await exportedMetrics();
  for (const query of [...rules.map(({ expr }) => expr), ...dashboardQueries()]) {
    const used = query.match(/\b(?:footfall|workqueue|controller_runtime|rest_client|leader_election|process)_\w+/g) ?? [];
    assert.ok(used.length > 0, query);
    assert.deepEqual(
      used.filter((name) => !exported.has(name)),
      [],
      query,
    );
  }
});

test('each alert has a name, a severity, a summary and a remedy', () => {
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, labels, annotations } of rules) {
    assert.match(alert, /^Footfall[A-Z]\w+$/);
    assert.match(labels['severity']!, /^(warning|critical)$/);
    for (const sentence of [annotations['summary'], annotations['description']]) assert.match(sentence ?? '', /^\S.*[.?]$/, alert);
  }
});

test('the rendered rule and dashboard are those of the chart', { skip }, () => {
  const rendered = render({ values: 'monitoring' });
  assert.deepEqual(find(rendered, 'PrometheusRule', 'footfall')['spec'], { groups });
  const { 'footfall.json': dashboard } = find(rendered, 'ConfigMap', 'footfall-dashboard')['data'] as Record<string, string>;
  assert.deepEqual(JSON.parse(dashboard!), JSON.parse(dashboardText()));
});

test('the chart has no monitoring object by default', { skip }, () => {
  assert.deepEqual(
    render().objects.filter(({ kind }) => ['PodMonitor', 'PrometheusRule', 'ConfigMap'].includes(kind)),
    [],
  );
});

test('the monitors select the pods of operator, counters and agents, and a port of theirs', { skip }, () => {
  const rendered = render({ values: 'monitoring' });
  for (const [name, template, namespace] of [
    ['operator', operatorOf(rendered), NAMESPACE],
    ['counter', counter, NAMESPACE],
    ['edge-agent', agent, 'shop'],
  ] as const) {
    const spec = find(rendered, 'PodMonitor', `footfall-${name}`)['spec'] as MonitorSpec;
    assert.ok(selects(spec.selector, template.metadata!.labels), name);
    assert.ok(spec.namespaceSelector.any === true || spec.namespaceSelector.matchNames?.includes(namespace) === true, name);
    const ports = template.spec!.containers[0]!.ports!.map((port) => port.name);
    assert.ok(ports.includes(spec.podMetricsEndpoints[0]!.port), name);
  }
});

test("the operator's Service selects its pods", { skip }, () => {
  const rendered = render({ values: 'full' });
  const { selector } = (find(rendered, 'Service', 'people-operator') as V1Service).spec!;
  assert.ok(selects({ matchLabels: selector! }, operatorOf(rendered, 'people-operator').metadata!.labels));
});

test('only agents may reach the port for video of counters', { skip }, () => {
  const { podSelector, ingress } = policyOf(render(), 'footfall-counter');
  assert.ok(selects(podSelector, counter.metadata!.labels));
  const counting = ingress.filter(({ ports }) => ports.some(({ port }) => port === 7443));
  assert.equal(counting.length, 1);
  assert.ok(admits(counting[0]!.from, 'shop', agent.metadata!.labels));
  assert.ok(!admits(counting[0]!.from, 'shop', { app: 'shop' }));
  assert.ok(!admits(counting[0]!.from, NAMESPACE, operatorOf(render()).metadata!.labels));
});

test('with watchNamespaces only agents of these namespaces may reach counters', { skip }, () => {
  const { ingress } = policyOf(render({ values: 'namespaced' }), 'footfall-counter');
  const [counting] = ingress.filter(({ ports }) => ports.some(({ port }) => port === 7443));
  assert.deepEqual(
    ['store-12', 'store-13', 'shop'].map((namespace) => admits(counting!.from, namespace, agent.metadata!.labels)),
    [true, true, false],
  );
});

test('only the given peers and the pod of helm test may reach metrics', { skip }, () => {
  const rendered = render({ values: 'monitoring' });
  const tester = find(rendered, 'Pod', 'footfall-test').metadata?.labels;
  for (const name of ['footfall-operator', 'footfall-counter']) {
    const [metrics] = policyOf(rendered, name).ingress.filter(({ ports }) => ports.some(({ port }) => port === 8080));
    assert.ok(admits(metrics!.from, 'monitoring', { 'app.kubernetes.io/name': 'prometheus' }), name);
    assert.ok(admits(metrics!.from, NAMESPACE, tester), name);
    assert.ok(!admits(metrics!.from, 'shop', { 'app.kubernetes.io/name': 'prometheus' }), name);
  }
});

test('operator and counters may reach the API server and nothing else', { skip }, () => {
  const rendered = render({ values: 'full' });
  for (const name of ['people-operator', 'people-counter']) {
    assert.deepEqual(policyOf(rendered, name).egress, [
      { ports: [{ port: 6443 }], to: [{ ipBlock: { cidr: '10.0.0.1/32' } }, { ipBlock: { cidr: 'fd00::1/128' } }] },
    ]);
  }
});

/** Prometheus names from the processes' own registries. */
async function exportedMetrics(): Promise<Set<string>> {
  const metrics = createMetrics();
  streamMetrics(metrics);
  queueMetrics(metrics);
  leaderMetrics(metrics, 'footfall-operator');
  reflectorMetrics(metrics);
  const site = new Site({ namespace: 'shop', name: 'door', uid: 'uid-1' }, metrics, () => 0);
  await site.close();
  const types = (await metrics.render()).matchAll(/^# TYPE (\w+) (\w+)$/gm);
  return new Set(
    [...types].flatMap(([, name, type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => `${name}${part}`) : [name!],
    ),
  );
}

function operatorOf(rendered: Rendered, name = 'footfall-operator') {
  return (find(rendered, 'Deployment', name) as V1Deployment).spec!.template;
}

function policyOf(rendered: Rendered, name: string): PolicySpec {
  return find(rendered, 'NetworkPolicy', name)['spec'] as PolicySpec;
}

/** As in Kubernetes, a peer without a namespaceSelector is in the policy's own namespace. */
function admits(peers: readonly Peer[], namespace: string, labels: Readonly<Record<string, string>> | undefined): boolean {
  return peers.some(({ namespaceSelector, podSelector }) => {
    const inPlace =
      namespaceSelector === undefined ? namespace === NAMESPACE : selects(namespaceSelector, { 'kubernetes.io/metadata.name': namespace });
    return inPlace && (podSelector === undefined || selects(podSelector, labels));
  });
}

function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Readonly<Record<string, string>> = {}): boolean {
  assert.ok(matchExpressions.every(({ operator }) => operator === 'In'));
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))
  );
}
