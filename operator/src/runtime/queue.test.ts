import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { array, assert as always, asyncProperty, constant, constantFrom, integer, oneof, record } from 'fast-check';
import { createMetrics } from '#proto/process/metrics.ts';
import { FilmClock } from '../fixtures/film-clock.ts';
import { queueMetrics } from './metrics.ts';
import { WorkQueue, type QueueOptions } from './queue.ts';

/** A running queue, with the keys that its workers took and when. */
function film({
  workers = 1,
  by = async (): Promise<object> => ({}),
  ...options
}: QueueOptions & { workers?: number; by?: (key: string, at: number) => Promise<object> } = {}) {
  const clock = new FilmClock();
  const stop = new AbortController();
  const taken: string[] = [];
  const queue = new WorkQueue({ clock, random: () => 1, ...options });
  const running = queue.run({
    workers,
    signal: stop.signal,
    process: async (key) => {
      taken.push(`${key}@${clock.now()}`);
      return by(key, clock.now());
    },
  });
  return {
    clock,
    queue,
    taken,
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}

/** Work that ends with `open`. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<object>();
  return { open: () => resolve({}), work: () => promise };
}

suite('a queue', () => {
  test('hands out a key once, however often it was added, and in order', async () => {
    const { queue, taken, clock, stop } = film();
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    await clock.pass(0);
    await stop();
    assert.deepEqual(taken, ['a@0', 'b@0', 'c@0']);
  });

  test('hands out a key again, once, that was added while it was in work', async () => {
    const first = gate();
    const { queue, taken, clock, stop } = film({ workers: 2, by: first.work });
    queue.add('a');
    await clock.pass(5);
    queue.add('a');
    queue.add('a');
    await clock.pass(5);
    assert.deepEqual(taken, ['a@0']);
    first.open();
    await clock.pass(5);
    await stop();
    assert.deepEqual(taken, ['a@0', 'a@10']);
  });

  test('a slow key delays no other while a worker is free', async () => {
    const slow = gate();
    const { queue, taken, clock, stop } = film({ workers: 2, by: (key) => (key === 'slow' ? slow.work() : Promise.resolve({})) });
    for (const key of ['slow', 'a', 'b']) queue.add(key);
    await clock.pass(1);
    assert.deepEqual(taken, ['slow@0', 'a@0', 'b@0']);
    slow.open();
    await stop();
  });

  test('of several delays the shortest counts; an added key comes at once', async () => {
    const { queue, taken, clock, stop } = film();
    queue.addAfter('a', 30);
    queue.addAfter('a', 10);
    queue.addAfter('a', 20);
    queue.add('a');
    await clock.pass(60);
    await stop();
    assert.deepEqual(taken, ['a@0', 'a@10']);
  });

  test('hands out a key again after the time that the pass returned', async () => {
    const { queue, taken, clock, stop } = film({ by: async (_, at) => (at < 60 ? { requeueAfterSeconds: 30 } : {}) });
    queue.add('a');
    await clock.pass(300);
    await stop();
    assert.deepEqual(taken, ['a@0', 'a@30', 'a@60']);
  });

  test('retries a failing key with a backoff of up to a minute, and forgets the failures after a success', async () => {
    let broken = true;
    const waits: number[] = [];
    const { queue, clock, stop } = film({
      onFault: (_key, _error, seconds) => waits.push(seconds),
      by: async () => {
        if (broken) throw new Error('no');
        return {};
      },
    });
    queue.add('a');
    await clock.pass(200);
    assert.deepEqual(waits, [0.25, 0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    broken = false;
    await clock.pass(60);
    broken = true;
    queue.add('a');
    await clock.pass(0);
    await stop();
    assert.equal(waits.at(-1), 0.25);
  });

  test('a stop waits for the keys in work, and leaves no timer behind', async () => {
    const last = gate();
    const { queue, taken, clock, stop } = film({ by: last.work });
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 10);
    await clock.pass(0);
    let stopped = false;
    const stopping = stop().then(() => (stopped = true));
    await clock.pass(1);
    assert.equal(stopped, false);
    last.open();
    await stopping;
    await clock.pass(60);
    assert.deepEqual(taken, ['a@0']);
    assert.equal(queue.depth, 1);
  });

  test('in any sequence of additions, no two workers have a key, and each key is handed out after it was last added', async () => {
    const step = oneof(
      record({ kind: constant('add' as const), key: constantFrom('a', 'b', 'c') }),
      record({ kind: constant('later' as const), key: constantFrom('a', 'b', 'c'), seconds: integer({ min: 0, max: 20 }) }),
      record({ kind: constant('pass' as const), seconds: integer({ min: 0, max: 10 }) }),
    );
    await always(
      asyncProperty(
        array(step, { maxLength: 30 }),
        integer({ min: 1, max: 3 }),
        array(constantFrom('ok', 'slow', 'fails'), { minLength: 1 }),
        async (steps, workers, outcomes) => {
          let turn = 0;
          const inWork = new Set<string>();
          const wanted = new Map<string, number>();
          const began = new Map<string, number>();
          const { queue, clock, stop } = film({
            workers,
            by: async (key) => {
              assert.equal(inWork.has(key), false, `${key} is with two workers`);
              inWork.add(key);
              began.set(key, clock.now());
              const outcome = turn < 60 ? outcomes[turn % outcomes.length] : 'ok';
              turn += 1;
              if (outcome === 'slow') await new Promise<void>((resolve) => clock.after(7, resolve));
              inWork.delete(key);
              if (outcome === 'fails') throw new Error('no');
              return {};
            },
          });
          for (const one of steps) {
            if (one.kind === 'pass') await clock.pass(one.seconds);
            else if (one.kind === 'later') queue.addAfter(one.key, one.seconds);
            else {
              queue.add(one.key);
              wanted.set(one.key, clock.now());
            }
          }
          await clock.pass(5000);
          for (const [key, at] of wanted) assert.ok(began.get(key)! >= at, key);
          assert.deepEqual([queue.depth, inWork.size], [0, 0]);
          await stop();
        },
      ),
      { numRuns: 60 },
    );
  });

  test('has the metrics of controller-runtime', async () => {
    const metrics = createMetrics();
    const { queue, clock, stop } = film({
      observer: queueMetrics(metrics)('camerastream', 1),
      by: async (key, at) => {
        if (key === 'bad' && at === 0) throw new Error('no');
        return key === 'again' && at === 0 ? { requeueAfterSeconds: 5 } : {};
      },
    });
    for (const key of ['good', 'bad', 'again']) queue.add(key);
    await clock.pass(10);
    await stop();
    const text = await metrics.render();
    for (const line of [
      'workqueue_depth{name="camerastream",controller="camerastream"} 0',
      'workqueue_adds_total{name="camerastream",controller="camerastream"} 5',
      'workqueue_retries_total{name="camerastream",controller="camerastream"} 1',
      'workqueue_work_duration_seconds_count{name="camerastream",controller="camerastream"} 5',
      'workqueue_queue_duration_seconds_count{name="camerastream",controller="camerastream"} 5',
      'workqueue_unfinished_work_seconds{name="camerastream",controller="camerastream"} 0',
      'controller_runtime_reconcile_total{controller="camerastream",result="success"} 3',
      'controller_runtime_reconcile_total{controller="camerastream",result="error"} 1',
      'controller_runtime_reconcile_total{controller="camerastream",result="requeue_after"} 1',
      'controller_runtime_reconcile_errors_total{controller="camerastream"} 1',
      'controller_runtime_active_workers{controller="camerastream"} 0',
      'controller_runtime_max_concurrent_reconciles{controller="camerastream"} 1',
    ])
      assert.ok(text.includes(line), line);
  });
});
