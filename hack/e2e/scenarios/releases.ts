/** An administrator installs, upgrades, uninstalls and reinstalls the chart. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { untilCounted } from '../counted.ts';
import { POOL, SYSTEM } from '../installation.ts';
import { previousVersion } from '../previous.ts';
import type { Scenario } from '../scenario.ts';
import { cameraUrl, Streams } from '../streams.ts';
import { Witness } from '../witness.ts';

const COUNTS_WITHIN_SECONDS = 60;
const SAMPLE = new URL('../../../crds/samples/valid-one-by-one.yaml', import.meta.url);
/** Enough for all crossings of the clip to be counted. */
const FRAMES_PER_SECOND = 5;

export const freshInstall: Scenario = {
  name: 'fresh-install',
  promise: 'On a new cluster Footfall counts people within 60 s of `helm install` and `kubectl apply` of a sample, and `helm test` passes.',
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
    // The sample with another source: in a cluster it cannot be a file.
    const sample = await readFile(SAMPLE, 'utf8');
    await kubectl.apply(
      sample.replace(/url: .*/, `url: ${cameraUrl(`loop/${namespace}`)}`).replace('metadata:', `metadata:\n  namespace: ${namespace}`),
    );
    await world.eventually('a person is counted', COUNTS_WITHIN_SECONDS - (declared - began) / 1000, async () => {
      assert.ok((await streams.get('one-by-one')).status?.counts?.in, 'no count yet');
    });
    note(`the first count came ${secondsSince(began)} s after helm install, ${secondsSince(declared)} s after the stream was created`);
    assert.match(await installation.test(), /ok {6}A counter can count\./);
  },
};

export const upgraded: Scenario = {
  name: 'upgraded',
  promise: 'An upgrade from the previous version keeps the totals: they never decrease, and are what the camera played minus the gaps.',
  alone: true,
  async run(world) {
    const { installation, streams, note, afterwards } = world;
    const previous = await previousVersion(world);
    if (previous === undefined) return note('left out: this clone lacks the history of the previous version (git fetch --unshallow)');
    await installation.uninstall();
    afterwards(() => installation.configureAsUsual());
    await installation.configure({}, previous);
    const witness = new Witness(world);
    try {
      await streams.create('door', { framesPerSecond: FRAMES_PER_SECOND });
      const before = await untilCounted('door', 1, world);
      await installation.configureAsUsual();
      await untilCounted('door', before + 2, world);
      const { crossings, uncertain, gapSeconds } = await witness.judge('door');
      note(`${crossings} crossings, ${uncertain} of them at the edge of a gap; ${gapSeconds} s declared`);
    } finally {
      await witness.close();
    }
  },
};

export const reinstalled: Scenario = {
  name: 'reinstalled',
  promise: '`helm uninstall` keeps the streams and their counts; after a reinstallation they continue without a gap.',
  alone: true,
  async run(world) {
    const { installation, streams, note, afterwards } = world;
    const witness = new Witness(world);
    try {
      await streams.create('door', { framesPerSecond: FRAMES_PER_SECOND });
      const before = await untilCounted('door', 1, world);
      const agents = await streams.agentUids();
      afterwards(() => installation.configureAsUsual());
      const began = performance.now();
      await installation.uninstall();
      assert.ok((await streams.get('door')).status!.counts!.in >= before, 'the stream keeps its counts');
      await installation.configureAsUsual();
      note(`there was no ${POOL} for ${secondsSince(began)} s`);
      assert.deepEqual(await streams.agentUids(), agents, 'the agent kept running');
      await untilCounted('door', before + 2, world);
      const { gapSeconds, uncertain } = await witness.judge('door');
      assert.deepEqual({ gapSeconds, uncertain }, { gapSeconds: 0, uncertain: 0 });
    } finally {
      await witness.close();
    }
  },
};

export const namespaced: Scenario = {
  name: 'namespaced',
  promise: 'With watchNamespaces Footfall counts only in those; its only cluster-wide right is to review tokens.',
  alone: true,
  async run(world) {
    const { installation, configure, kubectl, namespace, streams, api, signal, afterwards } = world;
    await installation.uninstall();
    await configure({ watchNamespaces: [namespace] });
    const roles = await kubectl(['get', 'clusterroles', '--selector=app.kubernetes.io/name=footfall', '--output=json']);
    const rules = (JSON.parse(roles) as { items: { rules: object[] }[] }).items.flatMap((role) => role.rules);
    // Token reviews are not namespaced.
    assert.deepEqual(rules, [{ apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }]);
    // Every cluster has this namespace.
    const other = new Streams(api, 'default', signal);
    afterwards(() => other.delete('door'));
    await other.create('door');
    await streams.create('door');
    await untilCounted('door', 1, world);
    assert.equal((await other.get('door')).status, undefined, 'a stream in another namespace has no status');
    assert.deepEqual(await other.agentPods('door'), [], 'and it has no agent');
  },
};

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(0);
}
