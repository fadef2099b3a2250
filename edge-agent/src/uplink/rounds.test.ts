/** Films of dialing: a pool that changes, counters that are dead, and the waits in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rankCounters } from './ranking.ts';
import { Rounds } from './rounds.ts';

const never = new AbortController().signal;

/** Rounds over a pool that the test changes. Every wait has its full length, and is noted instead of waited for. */
function stage(...pool: string[]) {
  const seen = { pool, waits: [] as number[], sentences: [] as string[] };
  const rounds = new Rounds({
    uid: 'u',
    directory: { lookUp: () => Promise.resolve({ addresses: seen.pool, sentence: seen.pool.length === 0 ? 'No counter is there.' : '' }) },
    onNoCounter: (sentence) => seen.sentences.push(sentence),
    random: () => 1,
    wait: (seconds) => {
      seen.waits.push(seconds);
      return Promise.resolve();
    },
  });
  const dial = async (times: number) => {
    const dialed: (string | undefined)[] = [];
    for (let i = 0; i < times; i += 1) dialed.push(await rounds.next(never));
    return dialed;
  };
  return { seen, rounds, dial };
}

const [first, second, third] = rankCounters('u', ['a:1', 'b:1', 'c:1']) as [string, string, string];

test('all in rank at once, then a wait, then all in rank again', async () => {
  const { seen, dial } = stage(third, first, second);
  assert.deepEqual(await dial(3), [first, second, third]);
  assert.deepEqual(seen.waits, []);
  assert.deepEqual(await dial(4), [first, second, third, first]);
  assert.deepEqual(seen.waits, [0.25, 0.25]);
});

test('the waits grow to 15 s and no further, and are short again once counts came', async () => {
  const { seen, rounds, dial } = stage(first);
  await dial(16);
  assert.deepEqual(seen.waits, [0.25, 0.25, 0.5, 0.5, 1, 1, 2, 2, 4, 4, 8, 8, 15, 15, 15]);
  rounds.served();
  await dial(1);
  assert.equal(seen.waits.at(-1), 0.25);
});

test('a counter that served is tried last, and one that has come since is tried before it', async () => {
  const { seen, dial } = stage(first, second);
  await dial(1);
  seen.pool = [first, second, third];
  assert.deepEqual(await dial(3), [second, third, first]);
  assert.equal(seen.waits.length, 1);
});

test('counters that all take the stream, count, and lose it again: a short wait after each round of them', async () => {
  const { seen, rounds, dial } = stage(first, second);
  for (let i = 0; i < 7; i += 1) {
    await dial(1);
    rounds.served();
  }
  assert.deepEqual(seen.waits, [0.25, 0.25, 0.25]);
});

test('a pool that was replaced while its dead addresses were tried is dialed without trying the rest of them', async () => {
  const { seen, dial } = stage(first, second, third);
  await dial(1);
  seen.pool = ['d:1', 'e:1'];
  assert.deepEqual(await dial(1), [rankCounters('u', seen.pool)[0]]);
  assert.deepEqual(seen.waits, []);
});

test('an empty pool is reported and awaited, longer each time, and dialed when it fills', async () => {
  const { seen, rounds } = stage();
  const stop = new AbortController();
  const waiting = rounds.next(stop.signal);
  for (let i = 0; i < 50; i += 1) await Promise.resolve();
  seen.pool = [second];
  assert.equal(await waiting, second);
  assert.ok(seen.waits.length > 4);
  assert.deepEqual(seen.waits.slice(0, 5), [0.25, 0.25, 0.5, 0.5, 1]);
  assert.equal(seen.sentences.length, seen.waits.length);
  assert.equal(seen.sentences[0], 'No counter is there.');
});

test('an agent that leaves gets no counter to dial', async () => {
  assert.equal(await stage(first).rounds.next(AbortSignal.abort()), undefined);
});
