/** What an administrator does with the chart: installs, upgrades, uninstalls, and installs again. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { counted } from '../counted.ts';
import { POOL, SYSTEM } from '../installation.ts';
import { previousVersion } from '../previous.ts';
import type { Scenario } from '../scenario.ts';
import { cameraUrl, Streams } from '../streams.ts';
import { Witness } from '../witness.ts';

const COUNTS_WITHIN_SECONDS = 60;
const SAMPLE = new URL('../../../crds/samples/valid-one-by-one.yaml', import.meta.url);
/** Wide enough to tell a line that counts from one that does not. */
const FRAMES_PER_SECOND = 5;

export const freshInstall: Scenario = {
  name: 'fresh-install',
  promise:
    'On a cluster that has never seen Footfall, people are counted 60 s after `helm install` and `kubectl apply` of a sample; `helm test` passes.',
  alone: true,
  async run(world) {
    const { installation, kubectl, streams, namespace, note, afterwards } = world;
    await installation.uninstall();
    await kubectl(['delete', 'namespace', SYSTEM, '--ignore-not-found', '--timeout=100s'], 120);
    await kubectl(['delete', 'crd', 'camerastreams.footfall.dev', '--ignore-not-found', '--timeout=50s']);
    afterwards(() => installation.configureAsUsual());
    await installation.makeNamespace();

    const began = performance.now();
    await installation.install();
    await kubectl(['wait', '--for=condition=Established', 'crd/camerastreams.footfall.dev', '--timeout=10s']);
    const declared = performance.now();
    // Of the sample all but the place of the video, which in a cluster is no file.
    const sample = await readFile(SAMPLE, 'utf8');
    await kubectl.apply(
      sample.replace(/url: .*/, `url: ${cameraUrl(`loop/${namespace}`)}`).replace('metadata:', `metadata:\n  namespace: ${namespace}`),
    );
    await world.eventually('somebody is counted', COUNTS_WITHIN_SECONDS - (declared - began) / 1000, async () => {
      assert.ok((await streams.get('one-by-one')).status?.counts?.in, 'nobody yet');
    });
    note(`somebody was counted ${secondsSince(began)} s after helm install, ${secondsSince(declared)} s after the stream was declared`);
    assert.match(await installation.test(), /ok {6}A counter can count\./);
  },
};

export const upgraded: Scenario = {
  name: 'upgraded',
  promise:
    'An upgrade from the previous version keeps the counts: totals never go back, and are what the camera played less what is declared.',
  alone: true,
  async run(world) {
    const { installation, streams, note, afterwards } = world;
    const previous = await previousVersion(world);
    if (previous === undefined) return note('left out: this clone has not the history of the previous version (git fetch --unshallow)');
    await installation.uninstall();
    afterwards(() => installation.configureAsUsual());
    await installation.configure({}, previous);
    const witness = new Witness(world);
    try {
      await streams.create('door', { framesPerSecond: FRAMES_PER_SECOND });
      const before = await counted('door', 1, world);
      await installation.configureAsUsual();
      await counted('door', before + 2, world);
      const { crossings, uncertain, gapSeconds } = await witness.judge('door');
      note(`${crossings} crossings, ${uncertain} of them at the edge of a gap; ${gapSeconds} s declared`);
    } finally {
      await witness.close();
    }
  },
};

export const reinstalled: Scenario = {
  name: 'reinstalled',
  promise: '`helm uninstall` leaves the streams with their counts; installed again, counting goes on where it was, without a gap.',
  alone: true,
  async run(world) {
    const { installation, streams, note, afterwards } = world;
    const witness = new Witness(world);
    try {
      await streams.create('door', { framesPerSecond: FRAMES_PER_SECOND });
      const before = await counted('door', 1, world);
      const agents = await streams.agentUids();
      afterwards(() => installation.configureAsUsual());
      const began = performance.now();
      await installation.uninstall();
      assert.ok((await streams.get('door')).status!.counts!.in >= before, 'the stream has its counts');
      await installation.configureAsUsual();
      note(`${POOL} was away for ${secondsSince(began)} s`);
      assert.deepEqual(await streams.agentUids(), agents, 'the agent has gone on all the while');
      await counted('door', before + 2, world);
      const { gapSeconds, uncertain } = await witness.judge('door');
      assert.deepEqual({ gapSeconds, uncertain }, { gapSeconds: 0, uncertain: 0 });
    } finally {
      await witness.close();
    }
  },
};

export const namespaced: Scenario = {
  name: 'namespaced',
  promise: 'With watchNamespaces people are counted there, by Roles and the right to review tokens, and streams elsewhere are left alone.',
  alone: true,
  async run(world) {
    const { installation, configure, kubectl, namespace, streams, api, signal, afterwards } = world;
    await installation.uninstall();
    await configure({ watchNamespaces: [namespace] });
    const roles = await kubectl(['get', 'clusterroles', '--selector=app.kubernetes.io/name=footfall', '--output=json']);
    const rules = (JSON.parse(roles) as { items: { rules: object[] }[] }).items.flatMap((role) => role.rules);
    // There are no tokens in namespaces.
    assert.deepEqual(rules, [{ apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }]);
    // Everybody has this one.
    const other = new Streams(api, 'default', signal);
    afterwards(() => other.delete('door'));
    await other.create('door');
    await streams.create('door');
    await counted('door', 1, world);
    assert.equal((await other.get('door')).status, undefined, 'nothing is said of a stream in another namespace');
    assert.deepEqual(await other.agentPods('door'), [], 'and it has no agent');
  },
};

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(0);
}
