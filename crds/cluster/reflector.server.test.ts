/** A reflector of a real API server, over a connection that breaks. */
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { until } from '../../hack/machine/until.ts';
import { ControlPlane, withoutControlPlane } from '../../hack/machine/control-plane.ts';
import { BreakingProxy, isList, isWatch } from '../../hack/machine/proxy.ts';
import type { ApiServer, KubernetesObject, Resource } from './api.ts';
import { connect } from './client.ts';
import { Reflector, type ReflectorOptions, type ReflectorState } from './reflector.ts';

const notes: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
interface Note extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}
const note = (namespace: string, name: string, text = 'first'): Note => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data: { text },
});
const isContinued = (url: URL): boolean => url.searchParams.has('continue');

suite('a reflector', { skip: withoutControlPlane() }, () => {
  let plane: ControlPlane;
  let proxy: BreakingProxy;
  let api: ApiServer;

  before(async () => {
    plane = await ControlPlane.start();
    proxy = await BreakingProxy.start(plane);
    api = connect({ kubeconfig: proxy.kubeconfig, userAgent: 'reflector-test', answerSeconds: 3 });
  });
  afterEach(() => proxy?.heal());
  after(async () => {
    await proxy?.stop();
    await plane?.stop();
    await api?.close();
  });

  /** A running reflector, with the changes that it reported. */
  function follow(options: Partial<ReflectorOptions<Note>> & { namespace: string }) {
    const stop = new AbortController();
    const reported: string[] = [];
    const states: ReflectorState[] = [];
    const reflector = new Reflector<Note>({
      api,
      resource: notes,
      silenceSeconds: 2,
      watchSeconds: 60,
      backoff: { initialSeconds: 0.05, maximumSeconds: 0.5 },
      onChange: ({ metadata, data }, deleted) =>
        reported.push(deleted ? `${metadata?.name} deleted` : `${metadata?.name}: ${data?.['text']}`),
      onState: (state) => states.push(state),
      ...options,
    });
    const running = reflector.run(stop.signal);
    return {
      reflector,
      reported,
      states,
      synced: () => reflector.whenSynced(AbortSignal.timeout(20_000)),
      interruptions: () => states.flatMap((state) => (state.kind === 'interrupted' ? [state.reason] : [])),
      async [Symbol.asyncDispose]() {
        stop.abort();
        await running;
      },
    };
  }

  async function caughtUp(reflector: Reflector<Note>, namespace: string): Promise<void> {
    const versions = (objects: readonly Note[]) =>
      objects
        .map(({ metadata }) => `${metadata?.name}@${metadata?.resourceVersion}`)
        .toSorted()
        .join();
    await until(async () => versions(reflector.values()) === versions((await plane.api.list<Note>(notes, { namespace })).items), 30);
  }

  /** One is added, one changed, one deleted, one replaced by another of its name; one stays. */
  async function makeChanges(namespace: string): Promise<void> {
    await plane.api.create(notes, note(namespace, 'comes'));
    await plane.api.merge(notes, { namespace, name: 'changes' }, { data: { text: 'second' } });
    await plane.api.delete(notes, { namespace, name: 'goes' });
    await plane.api.delete(notes, { namespace, name: 'replaced' });
    await plane.api.create(notes, note(namespace, 'replaced', 'other'));
  }

  const breaks: readonly [string, () => Promise<void> | void][] = [
    ['nothing breaks', () => undefined],
    ['the server closes the watch', () => proxy.closeWatches()],
    ['the connection is reset during a watch', () => proxy.reset()],
    ['every connection is refused for a while', () => proxy.refuse()],
    ['nothing is transmitted any more', () => proxy.swallow()],
    ['the API server is killed and started again', () => plane.restartApiServer()],
    [
      'the version to watch from is too old',
      () => {
        void proxy.breakNext(isWatch, { status: 410, reason: 'Expired' });
        proxy.reset();
      },
    ],
    [
      'the next watch is refused',
      () => {
        void proxy.breakNext(isWatch, { status: 500, reason: 'InternalError' });
        proxy.reset();
      },
    ],
    [
      'an event is cut off',
      async () => {
        const met = proxy.breakNext(isWatch, 'half');
        proxy.reset();
        await met;
      },
    ],
  ];

  for (const [what, breakIt] of breaks) {
    test(`catches up by itself and reports each change once when ${what}`, async () => {
      const namespace = await plane.makeNamespace();
      for (const name of ['changes', 'goes', 'replaced', 'stays']) await plane.api.create(notes, note(namespace, name));
      await using followed = follow({ namespace });
      await followed.synced();
      await until(() => proxy.watches === 1);
      followed.reported.splice(0);
      await breakIt();
      await makeChanges(namespace);
      proxy.heal();
      await caughtUp(followed.reflector, namespace);
      assert.deepEqual(followed.reported.filter((change) => !change.startsWith('kube-root')).toSorted(), [
        'changes: second',
        'comes: first',
        'goes deleted',
        'replaced deleted',
        'replaced: other',
      ]);
      await plane.api.create(notes, note(namespace, 'later'));
      await until(() => followed.reflector.get(namespace, 'later') !== undefined);
    });
  }

  test('lists again when its version is too old', async () => {
    const namespace = await plane.makeNamespace();
    await using followed = follow({ namespace });
    await followed.synced();
    await until(() => proxy.watches === 1);
    const expired = proxy.breakNext(isWatch, { status: 410, reason: 'Expired' });
    proxy.reset();
    await expired;
    await until(() => followed.states.filter(({ kind }) => kind === 'listed').length === 2);
    assert.deepEqual(followed.interruptions(), ['Unreachable', 'Expired']);
  });

  test('lists several pages, and starts again when they expire meanwhile', async () => {
    const namespace = await plane.makeNamespace();
    const names = Array.from({ length: 620 }, (_, index) => `note-${index}`);
    await inParallel(20, names, (name) => plane.api.create(notes, note(namespace, name)));
    const expired = proxy.breakNext(isContinued, { status: 410, reason: 'Expired' });
    await using followed = follow({ namespace });
    await followed.synced();
    await expired;
    assert.equal(followed.reflector.values().length, names.length);
    assert.equal(new Set(followed.reported).size, names.length);
    assert.deepEqual(followed.interruptions(), ['Expired']);
  });

  test('waits for the time that a busy server asks for', async () => {
    const namespace = await plane.makeNamespace();
    const throttled = proxy.breakNext(isList, { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 });
    const began = performance.now();
    await using followed = follow({ namespace });
    await followed.synced();
    await throttled;
    assert.ok(performance.now() - began >= 1000);
    assert.deepEqual(followed.interruptions(), ['Throttled']);
  });

  test('lists again when a list is cut off', async () => {
    const namespace = await plane.makeNamespace();
    await plane.api.create(notes, note(namespace, 'one'));
    const met = proxy.breakNext(isList, 'half');
    await using followed = follow({ namespace });
    await met;
    await followed.synced();
    assert.deepEqual(followed.reported, ['one: first']);
    assert.deepEqual(followed.interruptions(), ['Unreachable']);
  });

  test('backs off from a server that closes every watch at once', async () => {
    const namespace = await plane.makeNamespace();
    await using followed = follow({ namespace });
    await followed.synced();
    await until(() => {
      proxy.closeWatches();
      return followed.interruptions().length >= 4;
    });
    const waits = followed.states.flatMap((state) => (state.kind === 'interrupted' ? [state.retrySeconds] : []));
    assert.deepEqual(new Set(followed.interruptions()), new Set(['ClosedEarly']));
    assert.ok(waits.every((seconds) => seconds > 0));
    await plane.api.create(notes, note(namespace, 'later'));
    await until(() => followed.reflector.get(namespace, 'later') !== undefined);
  });

  test('ends a watch in time and continues from the same version, without a list', async () => {
    const namespace = await plane.makeNamespace();
    await using followed = follow({ namespace, watchSeconds: 1, silenceSeconds: 10 });
    await until(() => followed.interruptions().length >= 2);
    await plane.api.create(notes, note(namespace, 'later'));
    await until(() => followed.reflector.get(namespace, 'later') !== undefined);
    assert.deepEqual(new Set(followed.interruptions()), new Set(['Closed']));
    assert.equal(followed.states.filter(({ kind }) => kind === 'listed').length, 1);
  });

  test('watches a single object by its name, and keeps the selected part of it', async () => {
    const namespace = await plane.makeNamespace();
    await plane.api.create(notes, note(namespace, 'mine'));
    await plane.api.create(notes, note(namespace, 'other'));
    await using followed = follow({
      namespace,
      fieldSelector: 'metadata.name=mine',
      keep: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata, data: { text: 'kept' } }),
      index: ({ data }) => data?.['text'],
    });
    await followed.synced();
    await plane.api.merge(notes, { namespace, name: 'mine' }, { data: { text: 'second' } });
    await until(() => followed.reported.length === 2);
    const [kept] = followed.reflector.indexed('kept');
    assert.ok(kept !== undefined && kept === followed.reflector.get(namespace, 'mine'));
    assert.equal(kept.kind, 'ConfigMap', 'also of an object from a list');
    assert.equal('managedFields' in kept.metadata!, false);
    assert.deepEqual(followed.reported, ['mine: kept', 'mine: kept']);
  });

  test('ends with its signal, also while it waits to retry', async () => {
    proxy.refuse();
    await using followed = follow({ namespace: 'default', backoff: { initialSeconds: 1000, maximumSeconds: 1000 } });
    await until(() => followed.interruptions().length === 1);
    await followed[Symbol.asyncDispose]();
    assert.equal(followed.reflector.synced, false);
  });
});

async function inParallel<T>(width: number, items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
