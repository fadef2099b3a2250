import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROUND } from './faults/all.ts';
import { ZOMBIE_POINTS } from './faults/steps.ts';
import { readOptions } from './options.ts';
import { AGENT_POINTS, COUNTER_POINTS } from './points.ts';
import { Random } from '../machine/random.ts';

test('without options a run is a whole round', () => {
  assert.deepEqual(readOptions([]), { seed: 1, trials: ROUND.length, fault: undefined, atOnce: 2, json: false, keep: false });
});

for (const [args, sentence] of [
  [['--fault', 'flood'], /^There is no fault flood; there are counter-at-step, /],
  [['--trials', '0'], '--trials must be a whole number from 1 to 999999999, found 0.'],
  [['--seed', 'x'], '--seed must be a whole number from 0 to 999999999, found x.'],
  [['--sed', '1'], /^Unknown option '--sed' \(see --help\)\.$/],
] as const) {
  test(`${args.join(' ')} is bad input`, () => {
    assert.throws(() => readOptions(args), { message: sentence });
  });
}

test('a round reaches every step of the protocol, whatever its first seed', () => {
  for (const first of [0, 1, 17, 300]) {
    const seeds = (name: string) => ROUND.flatMap((fault, index) => (fault.name === name ? [{ fault, seed: first + index }] : []));
    const points = (name: string) =>
      new Set(
        seeds(name).flatMap(({ fault, seed }) =>
          Object.values(fault.orders!(seed, new Random(seed)))
            .flat()
            .map((order) => order?.point),
        ),
      );
    assert.deepEqual(points('counter-at-step'), new Set(COUNTER_POINTS));
    assert.deepEqual(points('agent-at-step'), new Set(AGENT_POINTS));
    assert.deepEqual(points('zombie-at-step'), new Set(ZOMBIE_POINTS));
  }
});

test('the same seed gives the same choices, another seed other ones', () => {
  const choices = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 20 }, () => random.whole(1, 6));
  };
  assert.deepEqual(choices(7), choices(7));
  assert.notDeepEqual(choices(7), choices(8));
  assert.deepEqual(new Set(choices(7).concat(choices(8), choices(9))), new Set([1, 2, 3, 4, 5, 6]));
});
