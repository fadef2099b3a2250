/** Everything dies at random, for minutes, and the counts stay those of what the cameras played. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { resources, type V1Pod } from '#crds/cluster/api.ts';
import { OTHER_SITE, SITE } from '../cluster.ts';
import { whenPoolHas } from '../counters.ts';
import { SYSTEM } from '../installation.ts';
import { type Death, deaths, killContainer, killNode, killPod } from '../kills.ts';
import type { Scenario, World } from '../scenario.ts';
import { Witness } from '../witness.ts';

/** Where cameras and agents are; the third agent runs on the node that is killed. */
const SITES: Readonly<Record<string, string>> = { 'door-1': SITE, 'door-2': SITE, 'door-3': OTHER_SITE };
const FRAMES_PER_SECOND = 5;
/** What counters miss while they are dead is to be counted, and not declared. */
const BUFFER_SECONDS = 180;
/** So all that may be declared is the time without an agent. */
const OF_DEATHS: ReadonlySet<string> = new Set(['CameraLost', 'AgentReplaced']);
/** A container that was killed often is started after a while only, and has much to catch up with. */
const HEALED_WITHIN_SECONDS = 180;

export const randomKills: Scenario = {
  name: 'random-kills',
  promise:
    "Whatever is killed, whenever: three cameras' counts are what they played, less the gaps that are declared; nothing is lost or doubled.",
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
      await Promise.all(names.map((name) => streams.whenReady(name, 60)));
      note(`--seed ${killing.seed}: ${await killFor(killing, world)}`);
      await whenPoolHas(2, HEALED_WITHIN_SECONDS, world);
      await Promise.all(names.map((name) => countsAgain(name, world)));
      for (const name of names) {
        const { crossings, uncertain, gapSeconds, reasons } = await witness.judge(name);
        assert.deepEqual(
          reasons.filter((reason) => !OF_DEATHS.has(reason)),
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

/** @returns false when there was none that lived. */
async function kill({ what, which }: Death, world: World): Promise<boolean> {
  if (what === 'node') {
    await killNode(world.cluster.facility, world);
    return true;
  }
  const [component, part] = what.split(' ');
  const living = await livingPods(component === 'agent' ? 'edge-agent' : component!, world);
  const victim = living[Math.floor(which * living.length)];
  if (victim === undefined) return false;
  // It may die by itself, or of another one's death, between the look and the stroke.
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

/** Somebody is counted who came after all that. */
async function countsAgain(name: string, { streams, eventually }: World): Promise<void> {
  const healed = new Date().toISOString();
  await streams.whenReady(name, HEALED_WITHIN_SECONDS);
  await eventually(`${name} counts again`, HEALED_WITHIN_SECONDS, async () => {
    const { counts } = (await streams.get(name)).status!;
    assert.ok(Date.parse(counts!.time) > Date.parse(healed), `nobody since ${counts!.time}`);
  });
}
