/** Alerts and dashboard query the metrics that the processes have. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseDocuments } from '#crds/documents.ts';
import { findingTypes } from '#crds/schema.ts';
import { createMetrics } from '#proto/process/metrics.ts';
import { streamMetrics } from '../../counter-service/src/metrics.ts';
import { Site } from '../../edge-agent/src/site/site.ts';
import { leaderMetrics, queueMetrics, reflectorMetrics } from '../../operator/src/runtime/metrics.ts';
import { dashboardQueries } from './dashboard.ts';
import { CHART } from './schema.ts';

interface Group {
  readonly rules: readonly { alert: string; expr: string; labels: Record<string, string>; annotations: Record<string, string> }[];
}

const { groups } = parseDocuments(readFileSync(new URL('files/alerts.yaml', CHART), 'utf8'))[0]!.value as { groups: Group[] };
const rules = groups.flatMap((group) => group.rules);

test('alerts and panels query only metrics that exist', async () => {
  const existing = await existingMetrics();
  for (const query of [...rules.map(({ expr }) => expr), ...dashboardQueries()]) {
    const queried = query.match(/\b(?:footfall|workqueue|controller_runtime|rest_client|leader_election|process)_\w+/g) ?? [];
    assert.ok(queried.length > 0, query);
    assert.deepEqual(
      queried.filter((name) => !existing.has(name)),
      [],
      query,
    );
  }
});

test('each alert has a severity, a summary and a description', () => {
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, labels, annotations } of rules) {
    assert.match(alert, /^Footfall[A-Z]\w+$/);
    assert.match(labels['severity']!, /^(warning|critical)$/);
    for (const sentence of [annotations['summary'], annotations['description']]) assert.match(sentence ?? '', /^\S.*[.?]$/, alert);
  }
});

test('each type of finding has an alert', () => {
  for (const type of findingTypes)
    assert.ok(
      rules.some(({ expr }) => expr.includes(`footfall_agent_finding{type="${type}"}`)),
      type,
    );
});

/** Names in Prometheus, from the registries of the processes. */
async function existingMetrics(): Promise<Set<string>> {
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
