/** Films of dialing: a pool that changes, counters that are dead, and how long is waited in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rankCounters } from './ranking.ts';
import { Rounds } from './rounds.ts';

const never = new AbortController().signal;

/** Rounds over a pool that the test changes, with every wait at its longest, noted in place of passing. */
function stage(...pool: string[]) {
  const world = { pool, waits: [] as number[], sentences: [] as string[] };
  const rounds = new Rounds({
    uid: 'u',
    directory: { lookUp: () => Promise.resolve({ addresses: world.pool, sentence: world.pool.length === 0 ? 'Nobody is there.' : '' }) },
    onNobody: (sentence) => world.sentences.push(sentence),
    random: () => 1,
    wait: (seconds) => {
      world.waits.push(seconds);
      return Promise.resolve();
    },
  });
  const dial = async (times: number) => {
    const dialed: (string | undefined)[] = [];
    for (let i = 0; i < times; i += 1) dialed.push(await rounds.next(never));
    return dialed;
  };
  return { world, rounds, dial };
}

const [first, second, third] = rankCounters('u', ['a:1', 'b:1', 'c:1']) as [string, string, string];

test('all in rank at once, then a wait, then all in rank again', async () => {
  const { world, dial } = stage(third, first, second);
  assert.deepEqual(await dial(3), [first, second, third]);
  assert.deepEqual(world.waits, []);
  assert.deepEqual(await dial(4), [first, second, third, first]);
  assert.deepEqual(world.waits, [0.25, 0.25]);
});

test('the waits grow to 15 s and no further, and begin anew when counts came', async () => {
  const { world, rounds, dial } = stage(first);
  await dial(16);
  assert.deepEqual(world.waits, [0.25, 0.25, 0.5, 0.5, 1, 1, 2, 2, 4, 4, 8, 8, 15, 15, 15]);
  rounds.served();
  await dial(1);
  assert.equal(world.waits.at(-1), 0.25);
});

test('a counter that served is tried last, and one that has come since is tried before it', async () => {
  const { world, dial } = stage(first, second);
  await dial(1);
  world.pool = [first, second, third];
  assert.deepEqual(await dial(3), [second, third, first]);
  assert.equal(world.waits.length, 1);
});

test('counters that all take the stream, count, and lose it again: a short wait after each round of them', async () => {
  const { world, rounds, dial } = stage(first, second);
  for (let i = 0; i < 7; i += 1) {
    await dial(1);
    rounds.served();
  }
  assert.deepEqual(world.waits, [0.25, 0.25, 0.25]);
});

test('a pool that was replaced while its dead addresses were tried is dialed without trying the rest of them', async () => {
  const { world, dial } = stage(first, second, third);
  await dial(1);
  world.pool = ['d:1', 'e:1'];
  assert.deepEqual(await dial(1), [rankCounters('u', world.pool)[0]]);
  assert.deepEqual(world.waits, []);
});

test('a pool that is empty is told and waited for, longer each time, and dialed when it fills', async () => {
  const { world, rounds } = stage();
  const stop = new AbortController();
  const waiting = rounds.next(stop.signal);
  for (let i = 0; i < 50; i += 1) await Promise.resolve();
  world.pool = [second];
  assert.equal(await waiting, second);
  assert.ok(world.waits.length > 4);
  assert.deepEqual(world.waits.slice(0, 5), [0.25, 0.25, 0.5, 0.5, 1]);
  assert.equal(world.sentences.length, world.waits.length);
  assert.equal(world.sentences[0], 'Nobody is there.');
});

test('whoever leaves is given nobody to dial', async () => {
  assert.equal(await stage(first).rounds.next(AbortSignal.abort()), undefined);
});
