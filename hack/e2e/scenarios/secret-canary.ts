/** A camera's password is where it has to be, and nowhere else; pictures are in memory alone. */
import assert from 'node:assert/strict';
import { resources, type V1Pod } from '#crds/cluster/api.ts';
import { abortReader, corePattern, filesThatTell, type Place, placesThatTell, processesOf, sentTo, writableDisks } from '../canary.ts';
import { run } from '../commands.ts';
import { SYSTEM } from '../installation.ts';
import { containerIdOf, killContainer } from '../kills.ts';
import type { Scenario, World } from '../scenario.ts';

/** As in ../camera/mediamtx.yml. */
const PASSWORD = 'Canary+of&the#mine@4711!';
/** Of another camera, which does not take it. */
const WRONG_PASSWORD = 'Parrot+of&the#mast@4712!';
const COUNTING_PORT = 7443;
const HTTP_PORT = 8080;
/** Of seconds of video. */
const LEAST_SENT_BYTES = 100_000;
const KINDS = 'pods,replicasets,deployments,serviceaccounts,configmaps,services,endpointslices,leases,camerastreams,events';

export const secretCanary: Scenario = {
  name: 'secret-canary',
  promise:
    "A camera's password is in no log, event, status, metric, argument, environment, file, core or call; and no process can write pictures to a disk.",
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
    const sent = await sentTo(
      COUNTING_PORT,
      cluster.site,
      async () => {
        for (const name of ['vault', 'attic'])
          await streams.create(name, { path: `locked/${namespace}-${name}`, credentials: `${name}-camera` });
        await streams.whenReady('vault', 60);
        await streams.whenCondition('attic', { type: 'CameraConnected', status: 'False', reason: 'CameraUnauthorized' }, 30);
        await eventually('somebody is counted', 60, async () => assert.ok((await streams.get('vault')).status?.counts?.in, 'nobody yet'));
      },
      signal,
    );
    assert.ok(sent.length > LEAST_SENT_BYTES, `${sent.length} bytes were seen on their way to the counter`);

    const [agent] = await streams.agentPods('vault');
    await abortReader(containerIdOf(agent!), cluster.site, signal);
    await eventually('the camera is read again', 60, async () =>
      assert.equal((await streams.get('vault')).status?.counts?.gaps.last?.reason, 'CameraLost'),
    );
    await killContainer(agent!, world);
    await eventually("the agent's container is another one", 60, async () =>
      assert.notEqual(containerIdOf((await streams.agentPods('vault'))[0]!), containerIdOf(agent!)),
    );
    await streams.whenReady('vault', 60);

    const places = [{ name: 'calls', content: sent.toString('latin1') }, ...(await told(world)), ...(await shown(world))];
    for (const password of [PASSWORD, WRONG_PASSWORD]) assert.deepEqual(placesThatTell(password, places), []);
    for (const node of [cluster.site, cluster.facility]) await keepsItToItself(node, begin, world);
    for (const pod of await ownPods(world))
      assert.deepEqual(
        await writableDisks(containerIdOf(pod), pod.spec!.nodeName!, signal),
        [],
        `${pod.metadata!.name} can write to a disk`,
      );
    note(`${places.length} places, ${(sent.length / 1e6).toFixed(1)} MB of calls`);
    const cores = await corePattern(cluster.site, signal);
    // What the host's own program does with a core is for the host.
    if (cores.startsWith('|')) note(`cores go to a program of the host (${cores}) and were not seen`);
  },
};

/** What the API server has, except for the Secrets themselves; and that the search would find them there. */
async function told({ kubectl, namespace }: World): Promise<Place[]> {
  const secrets = await kubectl(['get', 'secrets', `--namespace=${namespace}`, '--output=json']);
  for (const password of [PASSWORD, WRONG_PASSWORD])
    assert.equal(placesThatTell(password, [{ name: 'the Secrets', content: secrets }]).length, 1);
  const within = [namespace, SYSTEM];
  return Promise.all(
    within.map(async (name) => ({
      name: `objects of ${name}`,
      content: await kubectl(['get', KINDS, `--namespace=${name}`, '--output=json', '--show-managed-fields']),
    })),
  );
}

/** Logs, also of the container before; and every page that there is. */
async function shown(world: World): Promise<Place[]> {
  const { kubectl } = world;
  const places: Place[] = [];
  for (const { metadata, status } of await ownPods(world)) {
    const [scope, name] = [`--namespace=${metadata!.namespace}`, metadata!.name!];
    const restarted = status!.containerStatuses!.some(({ restartCount }) => restartCount > 0);
    for (const which of restarted ? ['--previous', '--previous=false'] : ['--previous=false']) {
      places.push({ name: `log of ${name} ${which}`, content: await kubectl(['logs', scope, name, '--all-containers', which]) });
    }
    for (const page of ['metrics', 'counts', 'readyz', 'healthz']) {
      // What is not there answers, too.
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

/** Processes and files; one is planted, to see that it would be found. */
async function keepsItToItself(node: string, begin: Date, { signal, afterwards }: World): Promise<void> {
  const processes = [{ name: `processes of ${node}`, content: await processesOf(node, signal) }];
  for (const password of [PASSWORD, WRONG_PASSWORD]) assert.deepEqual(placesThatTell(password, processes), []);
  const planted = '/var/log/pods/canary';
  afterwards(() => run('docker', ['exec', node, 'rm', '-f', planted]));
  await run('docker', ['exec', '--interactive', node, 'sh', '-c', `cat > ${planted}`], {
    input: `rtsp://canary:${encodeURIComponent(PASSWORD)}@camera`,
    signal,
  });
  assert.deepEqual(await filesThatTell(PASSWORD, begin, node, signal), [`${node}:${planted}`]);
  assert.deepEqual(await filesThatTell(WRONG_PASSWORD, begin, node, signal), []);
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
