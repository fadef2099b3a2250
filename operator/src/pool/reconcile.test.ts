import assert from 'node:assert/strict';
import { EventEmitter, on } from 'node:events';
import { test, type TestContext } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import { ApiFault, type ApiServer, type Resource, resources, type V1Pod } from '#crds/cluster/api.ts';
import { createLog } from '#proto/process/log.ts';
import { configOf, runningPod } from '../fixtures/objects.ts';
import { labelsOf } from '../objects/labels.ts';
import { ClusterCache } from '../runtime/cluster-cache.ts';
import { ControllerQueue } from '../runtime/controller.ts';
import { poolController } from './reconcile.ts';

const config = configOf();
const counter: V1Pod = {
  ...runningPod,
  metadata: { name: 'counter-a', namespace: config.namespace, uid: 'uid-a', resourceVersion: '2', labels: labelsOf('counter') },
};

/** The pool of a cluster in which no object can be written. */
async function poolOfReadOnlyCluster(context: TestContext) {
  const events = new EventEmitter();
  const api = {
    list: async () => ({ metadata: { resourceVersion: '1' }, items: [] }),
    watch: async function* ({ plural }: Resource, _: object, signal: AbortSignal) {
      for await (const [object] of on(events, plural, { signal })) yield { type: 'ADDED', object };
    },
    apply: async () => {
      throw new ApiFault({ code: 403, reason: 'Forbidden', message: 'exceeded quota' });
    },
  } as unknown as ApiServer;
  const cache = new ClusterCache({ ...config, api, onState: () => undefined });
  let changes = 0;
  const onChange = () => (changes += 1);
  const pool = poolController({ api, cache, config, owner: async () => undefined, log: createLog('test', 'silent'), onChange });
  // Makes the informers that the controller watches.
  void new ControllerQueue(pool, cache);
  const stop = new AbortController();
  const running = cache.run(stop.signal);
  context.after(() => {
    stop.abort();
    return running;
  });
  await cache.whenSynced(stop.signal);
  return {
    pool,
    changes: () => changes,
    reconcile: () => pool.reconcile(pool.allKeys()[0]!, stop.signal),
    runCounter: async () => {
      while (events.listenerCount(resources.pods.plural) === 0) await settled();
      events.emit(resources.pods.plural, counter);
      await settled();
    },
  };
}

test('a counter that becomes ready is shown to the streams while the API server rejects every write', async (context) => {
  const { pool, changes, reconcile, runCounter } = await poolOfReadOnlyCluster(context);
  assert.equal(pool.view().ready.size, 0);
  await assert.rejects(reconcile(), /exceeded quota/);
  assert.equal(changes(), 0);
  await runCounter();
  await assert.rejects(reconcile(), /exceeded quota/);
  assert.deepEqual([[...pool.view().ready.keys()], changes()], [['counter-a'], 1]);
  await assert.rejects(reconcile(), /exceeded quota/);
  assert.equal(changes(), 1, 'nothing has changed since');
});
