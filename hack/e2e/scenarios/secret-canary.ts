/** A camera's password is in its Secret and its agent's memory, and nowhere else; pictures are only in memory. */
import assert from 'node:assert/strict';
import { resources, type V1Pod } from '#crds/cluster/api.ts';
import {
  abortReader,
  captureTraffic,
  corePattern,
  filesWithSecret,
  type Place,
  placesWithSecret,
  processesOf,
  writableDisks,
} from '../canary.ts';
import { run } from '../commands.ts';
import { SYSTEM } from '../installation.ts';
import { containerIdOf, killContainer } from '../kills.ts';
import type { Scenario, World } from '../scenario.ts';

/** As in ../camera/mediamtx.yml. */
const PASSWORD = 'Canary+of&the#mine@4711!';
/** For another camera, which rejects it. */
const WRONG_PASSWORD = 'Parrot+of&the#mast@4712!';
const COUNTING_PORT = 7443;
const HTTP_PORT = 8080;
/** What seconds of video have at least. */
const LEAST_SENT_BYTES = 100_000;
const KINDS = 'pods,replicasets,deployments,serviceaccounts,configmaps,services,endpointslices,leases,camerastreams,events';

export const secretCanary: Scenario = {
  name: 'secret-canary',
  promise:
    'No log, event, status, metric, argument, environment, file, core dump or call has a camera password; no container can write to disk.',
  alone: true,
  async run(world) {
    const { streams, kubectl, namespace, cluster, eventually, note, signal } = world;
    const begin = new Date();
    for (const [name, password] of [
      ['vault', PASSWORD],
      ['attic', WRONG_PASSWORD],
    ] as const) {
      await kubectl.apply(
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: `${name}-camera`, namespace },
          stringData: { username: 'canary', password },
        }),
      );
    }
    const sent = await captureTraffic(
      COUNTING_PORT,
      cluster.site,
      async () => {
        for (const name of ['vault', 'attic'])
          await streams.create(name, { path: `locked/${namespace}-${name}`, credentials: `${name}-camera` });
        await streams.untilReady('vault', 60);
        await streams.untilCondition('attic', { type: 'CameraConnected', status: 'False', reason: 'CameraUnauthorized' }, 30);
        await eventually('a person is counted', 60, async () => assert.ok((await streams.get('vault')).status?.counts?.in, 'no count yet'));
      },
      signal,
    );
    assert.ok(sent.length > LEAST_SENT_BYTES, `only ${sent.length} bytes were captured on their way to the counter`);

    const [agent] = await streams.agentPods('vault');
    await abortReader(containerIdOf(agent!), cluster.site, signal);
    await eventually('the camera is read again', 60, async () =>
      assert.equal((await streams.get('vault')).status?.counts?.gaps.last?.reason, 'CameraLost'),
    );
    await killContainer(agent!, world);
    await eventually('the agent has another container', 60, async () =>
      assert.notEqual(containerIdOf((await streams.agentPods('vault'))[0]!), containerIdOf(agent!)),
    );
    await streams.untilReady('vault', 60);

    const places = [{ name: 'calls', content: sent.toString('latin1') }, ...(await objectsOf(world)), ...(await logsAndPages(world))];
    for (const password of [PASSWORD, WRONG_PASSWORD]) assert.deepEqual(placesWithSecret(password, places), []);
    for (const node of [cluster.site, cluster.facility]) await assertNodeIsClean(node, begin, world);
    for (const pod of await ownPods(world))
      assert.deepEqual(
        await writableDisks(containerIdOf(pod), pod.spec!.nodeName!, signal),
        [],
        `${pod.metadata!.name} can write to a disk`,
      );
    note(`${places.length} places, ${(sent.length / 1e6).toFixed(1)} MB of calls`);
    const cores = await corePattern(cluster.site, signal);
    // A program of the host that takes core dumps is not part of this test.
    if (cores.startsWith('|')) note(`core dumps go to a program of the host (${cores}) and were not searched`);
  },
};

/** All objects but the Secrets, on which it proves that the search finds a password. */
async function objectsOf({ kubectl, namespace }: World): Promise<Place[]> {
  const secrets = await kubectl(['get', 'secrets', `--namespace=${namespace}`, '--output=json']);
  for (const password of [PASSWORD, WRONG_PASSWORD])
    assert.equal(placesWithSecret(password, [{ name: 'the Secrets', content: secrets }]).length, 1);
  const within = [namespace, SYSTEM];
  return Promise.all(
    within.map(async (name) => ({
      name: `objects of ${name}`,
      content: await kubectl(['get', KINDS, `--namespace=${name}`, '--output=json', '--show-managed-fields']),
    })),
  );
}

/** Logs, also of the previous container, and every HTTP page. */
async function logsAndPages(world: World): Promise<Place[]> {
  const { kubectl } = world;
  const places: Place[] = [];
  for (const { metadata, status } of await ownPods(world)) {
    const [scope, name] = [`--namespace=${metadata!.namespace}`, metadata!.name!];
    const restarted = status!.containerStatuses!.some(({ restartCount }) => restartCount > 0);
    for (const which of restarted ? ['--previous', '--previous=false'] : ['--previous=false']) {
      places.push({ name: `log of ${name} ${which}`, content: await kubectl(['logs', scope, name, '--all-containers', which]) });
    }
    for (const page of ['metrics', 'counts', 'readyz', 'healthz']) {
      // The error of a missing page is searched, too.
      const content = await kubectl([
        'get',
        '--raw',
        `/api/v1/namespaces/${metadata!.namespace}/pods/${name}:${HTTP_PORT}/proxy/${page}`,
      ]).catch(String);
      places.push({ name: `${page} of ${name}`, content });
    }
  }
  assert.ok(
    places.some(({ content }) => content.includes('footfall_agent_camera_up')),
    "the agent's page was seen",
  );
  return places;
}

/** Searches the node's processes and files; a planted file proves that the search works. */
async function assertNodeIsClean(node: string, begin: Date, { signal, afterwards }: World): Promise<void> {
  const processes = [{ name: `processes of ${node}`, content: await processesOf(node, signal) }];
  for (const password of [PASSWORD, WRONG_PASSWORD]) assert.deepEqual(placesWithSecret(password, processes), []);
  const planted = '/var/log/pods/canary';
  afterwards(() => run('docker', ['exec', node, 'rm', '-f', planted]));
  await run('docker', ['exec', '--interactive', node, 'sh', '-c', `cat > ${planted}`], {
    input: `rtsp://canary:${encodeURIComponent(PASSWORD)}@camera`,
    signal,
  });
  assert.deepEqual(await filesWithSecret(PASSWORD, begin, node, signal), [`${node}:${planted}`]);
  assert.deepEqual(await filesWithSecret(WRONG_PASSWORD, begin, node, signal), []);
}

async function ownPods({ api, namespace, signal }: World): Promise<readonly V1Pod[]> {
  const lists = await Promise.all(
    [namespace, SYSTEM].map((within) =>
      api.list<V1Pod>(resources.pods, { namespace: within, labelSelector: 'app.kubernetes.io/name=footfall' }, signal),
    ),
  );
  return lists
    .flatMap(({ items }) => items)
    .filter(({ metadata, status }) => metadata?.deletionTimestamp === undefined && status?.phase === 'Running');
}
