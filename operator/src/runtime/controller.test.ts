import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject, Resource } from '#crds/cluster/api.ts';
import { FilmClock } from '../fixtures/film-clock.ts';
import { type CachedResource, type Controller, ControllerQueue, type Informers, watch } from './controller.ts';

const resourceOf = (plural: string): CachedResource<KubernetesObject> => ({
  resource: { apiVersion: 'v1', kind: plural, plural } satisfies Resource,
  scope: 'both',
});
const streams = resourceOf('streams');
const pods = resourceOf('pods');
const named = (name: string): KubernetesObject => ({ metadata: { name } });

/** A controller of the keys `a` and `b` at work, with what it reconciled and when. */
function start({ delaySeconds, reconcile = async () => ({}) }: Partial<Pick<Controller, 'delaySeconds' | 'reconcile'>> = {}) {
  const clock = new FilmClock();
  const stop = new AbortController();
  const handlers = new Map<object, (object: KubernetesObject) => void>();
  const informers: Informers = { onChange: (of, handle) => void handlers.set(of, handle as (object: KubernetesObject) => void) };
  const reconciled: string[] = [];
  const controller: Controller = {
    name: 'test',
    workers: 1,
    watches: [watch(streams, ({ metadata }) => metadata?.name), watch(pods, ({ metadata }) => metadata?.name?.split('-')[1])],
    ...(delaySeconds !== undefined && { delaySeconds }),
    allKeys: () => ['a', 'b'],
    reconcile: (key, signal) => {
      reconciled.push(`${key}@${clock.now()}`);
      return reconcile(key, signal);
    },
  };
  const queue = new ControllerQueue(controller, informers, { clock, random: () => 1 });
  const running = queue.run(stop.signal);
  return {
    clock,
    queue,
    reconciled,
    change: (of: CachedResource<KubernetesObject>, name: string) => handlers.get(of)!(named(name)),
    end: async () => {
      stop.abort();
      await running;
    },
  };
}

test('every key is reconciled once when the replica begins to lead', async () => {
  const { clock, reconciled, end } = start();
  await clock.pass(60);
  await end();
  assert.deepEqual(reconciled, ['a@0', 'b@0']);
});

test('a change of a watched object reconciles its key, and an object without a key nothing', async () => {
  const { clock, reconciled, change, end } = start();
  await clock.pass(1);
  change(streams, 'a');
  change(pods, 'pod-b');
  change(pods, 'foreign');
  await clock.pass(1);
  await end();
  assert.deepEqual(reconciled.slice(2), ['a@1', 'b@1']);
});

test('with a delay, several changes are reconciled in one pass', async () => {
  const { clock, reconciled, change, end } = start({ delaySeconds: 0.5 });
  await clock.pass(1);
  change(streams, 'a');
  await clock.pass(0.25);
  change(streams, 'a');
  await clock.pass(10);
  await end();
  assert.deepEqual(reconciled.slice(2), ['a@1.5']);
});

test('a pass says when the next one is due, and a fault is retried with backoff', async () => {
  const { clock, reconciled, end } = start({
    reconcile: async (key) => {
      if (key === 'a') return { requeueAfterSeconds: 30 };
      throw new Error('no');
    },
  });
  await clock.pass(1);
  const afterASecond = reconciled.slice(2);
  await clock.pass(29);
  await end();
  assert.deepEqual(afterASecond, ['b@0.25', 'b@0.75']);
  assert.ok(reconciled.includes('a@30'));
});

test('a change outside the cluster reconciles every key', async () => {
  const { clock, queue, reconciled, end } = start();
  await clock.pass(1);
  queue.reconcileAll();
  await clock.pass(1);
  await end();
  assert.deepEqual(reconciled.slice(2), ['a@1', 'b@1']);
});
