import assert from 'node:assert/strict';
import { EventEmitter, on } from 'node:events';
import { test, type TestContext } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import type { ApiServer, KubernetesObject, ListOptions, WatchEvent } from '#crds/cluster/api.ts';
import { ClusterCache } from './cluster-cache.ts';
import type { CachedResource } from './controller.ts';

interface Camera extends KubernetesObject {
  readonly state: string;
}
const resource = { apiVersion: 'v1', kind: 'Camera', plural: 'cameras' };
const cameras: CachedResource<Camera> = { resource, scope: 'both', index: ({ state }) => state, relevant: ({ state }) => state };
const camera = (namespace: string, resourceVersion = 1, state = 'up', name = 'door'): Camera => ({
  metadata: { namespace, name, resourceVersion: String(resourceVersion) },
  state,
});

/** Holds one camera in each of four namespaces; its watches send what a test emits. */
class Server {
  readonly #watches = new Set<EventEmitter>();

  readonly api = {
    list: async (_: unknown, { namespace }: ListOptions) => ({
      metadata: { resourceVersion: '1' },
      items: ['shop', 'mall', 'system', 'other'].filter((one) => namespace === undefined || namespace === one).map((one) => camera(one)),
    }),
    watch: (_: unknown, __: ListOptions, signal: AbortSignal) => this.#watch(signal),
  } as unknown as ApiServer;

  async *#watch(signal: AbortSignal): AsyncGenerator<WatchEvent<Camera>> {
    const watch = new EventEmitter();
    this.#watches.add(watch);
    for await (const [event] of on(watch, 'event', { signal })) yield event as WatchEvent<Camera>;
  }

  async send(type: WatchEvent<Camera>['type'], object: Camera): Promise<void> {
    while (this.#watches.size === 0) await settled();
    for (const watch of this.#watches) watch.emit('event', { type, object });
    await settled();
  }
}

interface Started {
  readonly server: Server;
  readonly cache: ClusterCache;
  /** The changes since the last call. */
  readonly changes: () => string[];
}

/** A filled cache. */
async function start(context: TestContext, of = cameras, watchNamespaces: readonly string[] = []): Promise<Started> {
  const server = new Server();
  const stop = new AbortController();
  const cache = new ClusterCache({ api: server.api, namespace: 'system', watchNamespaces, onState: () => undefined });
  const changes: string[] = [];
  const onChange = ({ metadata }: KubernetesObject) => changes.push(`${metadata?.namespace}@${metadata?.resourceVersion}`);
  cache.onChange(of, onChange);
  const running = cache.run(stop.signal);
  context.after(() => {
    stop.abort();
    return running;
  });
  assert.match(cache.unready()!, /not synced/);
  await cache.whenSynced(stop.signal);
  assert.equal(cache.unready(), undefined);
  return { server, cache, changes: () => changes.splice(0) };
}

for (const [scope, watchNamespaces, expected] of [
  ['watched', [], ['shop', 'mall', 'system', 'other']],
  ['watched', ['shop', 'mall'], ['shop', 'mall']],
  ['own', [], ['system']],
  ['own', ['shop'], ['system']],
  ['both', [], ['shop', 'mall', 'system', 'other']],
  ['both', ['shop', 'system'], ['shop', 'system']],
  ['both', ['shop'], ['shop', 'system']],
] as const) {
  test(`scope ${scope} with namespaces [${watchNamespaces.join()}] holds the objects of ${expected.join()}`, async (context) => {
    const { cache, changes } = await start(context, { ...cameras, scope }, watchNamespaces);
    const of = { ...cameras, scope };
    assert.deepEqual(
      cache.list(of).map(({ metadata }) => metadata?.namespace),
      expected,
    );
    assert.equal(cache.indexed(of, 'up').length, expected.length);
    assert.deepEqual(
      changes(),
      expected.map((namespace) => `${namespace}@1`),
      'each object is reported once',
    );
  });
}

test('a change that leaves the relevant value as it was reaches no controller', async (context) => {
  const { server, cache, changes } = await start(context);
  changes();
  await server.send('MODIFIED', camera('shop', 2));
  assert.deepEqual([changes(), cache.get(cameras, 'shop', 'door')?.metadata?.resourceVersion], [[], '2']);
  await server.send('MODIFIED', camera('shop', 3, 'down'));
  await server.send('DELETED', camera('shop', 4, 'down'));
  await server.send('ADDED', camera('shop', 5, 'down'));
  assert.deepEqual(changes(), ['shop@3', 'shop@4', 'shop@5']);
});

test('a written object is returned at once, until the watch shows something newer', async (context) => {
  const { server, cache } = await start(context);
  const state = () => cache.get(cameras, 'shop', 'door')?.state;
  cache.recordWrite(resource, camera('shop', 10, 'written'));
  await server.send('MODIFIED', camera('shop', 9, 'older'));
  assert.equal(state(), 'written');
  await server.send('MODIFIED', camera('shop', 11, 'newer'));
  assert.equal(state(), 'newer');
});

test('a created object is returned before the watch shows it, but not as observed; a deleted one no more', async (context) => {
  const { server, cache } = await start(context);
  cache.recordWrite(resource, camera('shop', 10, 'up', 'gate'));
  assert.deepEqual([cache.get(cameras, 'shop', 'gate')?.state, cache.observed(cameras, 'shop', 'gate')], ['up', undefined]);
  await server.send('ADDED', camera('shop', 10, 'up', 'gate'));
  assert.equal(cache.observed(cameras, 'shop', 'gate')?.state, 'up');
  await server.send('DELETED', camera('shop', 11, 'up', 'gate'));
  assert.equal(cache.get(cameras, 'shop', 'gate'), undefined);
});

test('a resource has one informer cache: a second declaration, or none, is an error', async (context) => {
  const { cache } = await start(context);
  assert.throws(() => cache.onChange({ ...cameras, scope: 'own' }, () => undefined), /The cache of cameras is declared twice/);
  const pods: CachedResource<KubernetesObject> = { resource: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' }, scope: 'own' };
  assert.throws(() => cache.list(pods), /No controller watches pods/);
});
