/** Kills every kind of process, pod and node at random for minutes; the counts stay those of what the cameras played. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { resources, type V1Pod } from '#crds/cluster/api.ts';
import { OTHER_SITE, SITE } from '../cluster.ts';
import { untilPoolHas } from '../counters.ts';
import { SYSTEM } from '../installation.ts';
import { type Death, deaths, killContainer, killNode, killPod } from '../kills.ts';
import type { Scenario, World } from '../scenario.ts';
import { Witness } from '../witness.ts';

/** Sites by stream; the third agent runs on the node that is killed. */
const SITES: Readonly<Record<string, string>> = { 'door-1': SITE, 'door-2': SITE, 'door-3': OTHER_SITE };
const FRAMES_PER_SECOND = 5;
/** Long enough for all video from times without a counter to be counted later, without a gap. */
const BUFFER_SECONDS = 180;
/** So agents may declare only the time without an agent. */
const ALLOWED_REASONS: ReadonlySet<string> = new Set(['CameraLost', 'AgentReplaced']);
/** The kubelet delays the restart of a container that was killed often, which then has much to catch up with. */
const RECOVERED_WITHIN_SECONDS = 180;

export const randomKills: Scenario = {
  name: 'random-kills',
  promise: 'Three streams count what their cameras played minus the declared gaps while random processes, pods and nodes are killed.',
  alone: true,
  async run(world) {
    const { streams, killing, note } = world;
    const names = Object.keys(SITES);
    const witness = new Witness(world);
    try {
      await Promise.all(
        names.map((name) =>
          streams.create(name, { site: SITES[name]!, framesPerSecond: FRAMES_PER_SECOND, bufferSeconds: BUFFER_SECONDS }),
        ),
      );
      await Promise.all(names.map((name) => streams.untilReady(name, 60)));
      note(`--seed ${killing.seed}: ${await killFor(killing, world)}`);
      await untilPoolHas(2, RECOVERED_WITHIN_SECONDS, world);
      await Promise.all(names.map((name) => untilCountsAgain(name, world)));
      for (const name of names) {
        const { crossings, uncertain, gapSeconds, reasons } = await witness.judge(name);
        assert.deepEqual(
          reasons.filter((reason) => !ALLOWED_REASONS.has(reason)),
          [],
          `${name}: its buffer was large enough`,
        );
        assert.ok(uncertain <= crossings / 3, `${name}: of ${crossings} crossings ${uncertain} are at the edge of a gap`);
        note(`${name}: ${crossings} crossings, ${uncertain} of them at the edge of a gap; ${gapSeconds} s declared`);
      }
    } finally {
      await witness.close();
    }
  },
};

/** @returns what was killed. */
async function killFor({ minutes, seed }: World['killing'], world: World): Promise<string> {
  const end = performance.now() + minutes * 60_000;
  const killed: Record<string, number> = {};
  for (const death of deaths(seed)) {
    await sleep(death.afterSeconds * 1000, undefined, { signal: world.signal });
    if (performance.now() > end) break;
    if (await kill(death, world)) killed[death.what] = (killed[death.what] ?? 0) + 1;
  }
  return Object.entries(killed)
    .map(([what, times]) => `${times} x ${what}`)
    .join(', ');
}

/** @returns false when no such container, pod or node runs. */
async function kill({ what, which }: Death, world: World): Promise<boolean> {
  if (what === 'node') {
    await killNode(world.cluster.facility, world);
    return true;
  }
  const [component, part] = what.split(' ');
  const living = await livingPods(component === 'agent' ? 'edge-agent' : component!, world);
  const victim = living[Math.floor(which * living.length)];
  if (victim === undefined) return false;
  // It may have ended since it was listed.
  await (part === 'pod' ? killPod : killContainer)(victim, world).catch((error: unknown) =>
    assert.match((error as Error).message, /not found|process already finished/i),
  );
  return true;
}

async function livingPods(component: string, { api, namespace, signal }: World): Promise<readonly V1Pod[]> {
  const within = component === 'edge-agent' ? namespace : SYSTEM;
  const { items } = await api.list<V1Pod>(
    resources.pods,
    { namespace: within, labelSelector: `app.kubernetes.io/component=${component}` },
    signal,
  );
  return items.filter(
    ({ metadata, status }) => metadata?.deletionTimestamp === undefined && status?.containerStatuses?.[0]?.state?.running !== undefined,
  );
}

/** Waits for a count of a person who came after the last kill. */
async function untilCountsAgain(name: string, { streams, eventually }: World): Promise<void> {
  const healed = new Date().toISOString();
  await streams.untilReady(name, RECOVERED_WITHIN_SECONDS);
  await eventually(`${name} counts again`, RECOVERED_WITHIN_SECONDS, async () => {
    const { counts } = (await streams.get(name)).status!;
    assert.ok(Date.parse(counts!.time) > Date.parse(healed), `the last count is of ${counts!.time}`);
  });
}
