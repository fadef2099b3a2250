/** Compares the rights of operator and counters with their calls to the API server in all earlier scenarios. */
import assert from 'node:assert/strict';
import { rights } from '../../chart/rights.ts';
import { callsSince } from '../audit.ts';
import type { Scenario } from '../scenario.ts';
import { deniedCalls, unusedVerbs } from '../used-rights.ts';

/** Verbs for Events about certificates, which last for months; `hack/chart/rights.server.test.ts` makes the operator use them. */
const USED_IN_MONTHS = new Set(['create', 'patch'].map((verb) => `operator: ${verb} events.events.k8s.io (own-namespaced)`));

export const leastRights: Scenario = {
  name: 'least-rights',
  promise: 'Operator and counters use every verb of their roles, and no call is denied; agents never call the API server.',
  alone: true,
  async run({ cluster, installation, begin, whole, note, signal }) {
    const calls = await callsSince(begin, cluster.name, signal);
    assert.ok(calls.length > 0, 'the audit log has no calls');
    assert.deepEqual(deniedCalls(calls, installation.roleChanges), [], 'no call is denied');
    const byAgents = calls.filter(({ user }) => user.username.endsWith('-agent'));
    assert.deepEqual(
      byAgents.map(({ user, requestURI }) => `${user.username}: ${requestURI}`),
      [],
    );
    const idle = unusedVerbs(rights, calls).filter((verb) => !USED_IN_MONTHS.has(verb));
    note(
      `${calls.length} calls${whole ? '' : `; ${idle.length} verbs are unused, which is not tested because not all scenarios were run`}`,
    );
    if (whole) assert.deepEqual(idle, [], 'each verb is used');
  },
};
