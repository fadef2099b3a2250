/** What operator and counters were given, held against what they asked the API server for in all that came before. */
import assert from 'node:assert/strict';
import { rights } from '../../chart/rights.ts';
import { callsSince } from '../audit.ts';
import type { Scenario } from '../scenario.ts';
import { denied, unused } from '../used-rights.ts';

/** Certificates last for months, so nobody tells of one here, least of all twice; `hack/chart/rights.server.test.ts` lets it be told. */
const OF_MONTHS = new Set(['create', 'patch'].map((verb) => `operator: ${verb} events.events.k8s.io (own-namespaced)`));

export const leastRights: Scenario = {
  name: 'least-rights',
  promise: 'Each verb of each role is used, and no call is ever denied; agents ask the API server for nothing.',
  alone: true,
  async run({ cluster, installation, begin, whole, note, signal }) {
    const calls = await callsSince(begin, cluster.name, signal);
    assert.ok(calls.length > 0, 'the audit log tells nothing');
    assert.deepEqual(denied(calls, installation.uninstalls), [], 'no call is denied');
    const byAgents = calls.filter(({ user }) => user.username.endsWith('-agent'));
    assert.deepEqual(
      byAgents.map(({ user, requestURI }) => `${user.username}: ${requestURI}`),
      [],
    );
    const idle = unused(rights, calls).filter((verb) => !OF_MONTHS.has(verb));
    note(`${calls.length} calls${whole ? '' : `; not judged, for not all scenarios were run: ${idle.length} verbs are unused`}`);
    if (whole) assert.deepEqual(idle, [], 'each verb is used');
  },
};
