/** One camera, as the user who has created its stream sees it. */
import assert from 'node:assert/strict';
import { resources, type V1Pod } from '#crds/cluster/api.ts';
import type { CameraStream } from '#crds/schema.ts';
import { SYSTEM } from '../installation.ts';
import type { Scenario, World } from '../scenario.ts';
import { totalsOf } from '../streams.ts';

/** Counts are committed when they change, but not more often than this. */
const COMMIT_SECONDS = 2;
/** How much closer two commits may arrive on a busy machine. */
const JITTER_SECONDS = 0.6;

export const onePass: Scenario = {
  name: 'one-pass',
  promise: 'Footfall counts each person who crosses the lines of a distant camera exactly once.',
  async run(world) {
    const { streams, cluster, kubectl, namespace, api, signal } = world;
    const watching = new AbortController();
    const made = await streams.create('door', { path: `once/${namespace}`, framesPerSecond: 5 });
    const commits = watchCommits(made, world, AbortSignal.any([signal, watching.signal]));
    try {
      const ready = await streams.untilReady('door', 45);
      assert.equal(ready.status?.agent?.node, cluster.site, "the agent runs at the camera's site");
      const counter = await api.get<V1Pod>(resources.pods, { namespace: SYSTEM, name: ready.status?.stream?.counter }, signal);
      assert.equal(counter.spec?.nodeName, cluster.facility, 'the counter runs at the facility');
      await kubectl(['wait', '--for=condition=Ready', 'counts/door', `--namespace=${namespace}`, '--timeout=5s']);
      await world.eventually('all six have come and gone', 220, async () => {
        assert.deepEqual(totalsOf(await streams.get('door')), { entrance: '6 in 0 out', exit: '0 in 6 out' });
      });
      await assertKubectlOutput(world);
      const { counts } = (await streams.get('door')).status!;
      assert.deepEqual(
        { in: counts!.in, out: counts!.out, inside: counts!.inside, gaps: counts!.gaps.count },
        { in: 6, out: 6, inside: 0, gaps: 0 },
      );
    } finally {
      watching.abort(new Error('enough was seen'));
    }
    judgePace(await commits, world);
  },
};

/** Times in seconds at which a watch received new counts. */
async function watchCommits({ metadata }: CameraStream, { api, namespace }: World, signal: AbortSignal): Promise<readonly number[]> {
  const arrivals: number[] = [];
  let before: string | undefined;
  const options = { namespace, fieldSelector: `metadata.name=${metadata.name}`, resourceVersion: metadata.resourceVersion! };
  try {
    for await (const { type, object } of api.watch<CameraStream>(resources.cameraStreams, options, signal)) {
      if (type === 'BOOKMARK' || object.status?.counts === undefined) continue;
      const now = JSON.stringify(object.status.counts);
      if (now !== before) arrivals.push(performance.now() / 1000);
      before = now;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return arrivals;
}

function judgePace(commits: readonly number[], { note }: World): void {
  assert.ok(commits.length > 2, `counts were committed ${commits.length} times`);
  const gaps = commits.slice(1).map((at, index) => at - commits[index]!);
  const shortest = Math.min(...gaps);
  note(`${commits.length} commits, at least ${shortest.toFixed(1)} s apart`);
  assert.ok(shortest > COMMIT_SECONDS - JITTER_SECONDS, `two commits came within ${shortest.toFixed(2)} s`);
  assert.ok(
    commits.length <= 1 + (commits.at(-1)! - commits[0]!) / COMMIT_SECONDS,
    `${commits.length} commits in ${(commits.at(-1)! - commits[0]!).toFixed(0)} s`,
  );
}

async function assertKubectlOutput({ kubectl, namespace }: World): Promise<void> {
  const scope = `--namespace=${namespace}`;
  const table = async (...args: string[]) =>
    (await kubectl(['get', ...args, scope]))
      .trimEnd()
      .split('\n')
      .map((row) => row.trim().split(/\s+/));
  const [header, row] = await table('counts');
  assert.deepEqual(header, ['NAME', 'IN', 'OUT', 'INSIDE', 'READY', 'AGE']);
  assert.deepEqual(row?.slice(0, 5), ['door', '6', '6', '0', 'True']);
  const [wide] = await table('counts', '--output=wide');
  assert.deepEqual(wide, [...header, 'NODE', 'FPS', 'COUNTER', 'REASON']);
  const [, byName] = await table('counts/door');
  assert.deepEqual(byName?.slice(0, 5), row?.slice(0, 5));

  const description = await kubectl(['describe', 'counts/door', scope]);
  for (const part of [/Conditions:/, /Type:\s+Ready/, /Counts:/, /Lines:/, /Events:\s+Type\s+Reason/, /Counting/])
    assert.match(description, part);
  assert.doesNotMatch(description, /Managed Fields/);
  assert.match(await kubectl(['explain', 'counts.spec.lines']), /right-hand\s+side\s+goes\s+in/);
}
