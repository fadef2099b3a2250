/** How the tests search a scope, and what they assert of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalizer } from './canonical.ts';
import { broken, type InvariantName, isSettled, steps } from './model.ts';
import { type Rules, sound } from './rules.ts';
import { DEAD_END, type Result, search } from './search.ts';
import { beginning, type Faults, type Scope, worldOf } from './state.ts';

const MAX_STATES = 400_000;

export type RuleName = keyof Rules;

export function explore(scope: Scope, off: readonly RuleName[] = []): Result {
  const world = worldOf(scope, { ...sound, ...Object.fromEntries(off.map((name) => [name, false])) });
  return search({
    beginning: beginning(world),
    steps: (state) => steps(state, world),
    canonical: canonicalizer(),
    broken: (state) => broken(state, world),
    isGoal: (state) => isSettled(state, world),
    maxStates: MAX_STATES,
  });
}

/** A person crosses the line at each moment. */
export function busy(moments: number, faults: Partial<Faults>, group = 1): Scope {
  return { moments, group, window: 1, faults, events: Array.from({ length: moments }, (_, index) => index + 1) };
}

/** With a receiver, for which so many events may wait. */
export function delivering(scope: Scope, limit: number): Scope {
  return { ...scope, receiver: { limit } };
}

export function testScope(sentence: string, scope: Scope): void {
  test(`every invariant holds, and every state can end well, when ${sentence}`, (t) => {
    const { states, transitions, depth, violation, deadEnd } = explore(scope);
    t.diagnostic(`${states} states, ${transitions} steps between them, the farthest ${depth} from the beginning`);
    assert.equal(violation, undefined, violation && storyOf(violation.invariant, violation.story));
    assert.equal(deadEnd, undefined, deadEnd && storyOf(DEAD_END, deadEnd));
  });
}

export interface PlantedBug {
  readonly breaks: InvariantName | typeof DEAD_END;
  readonly off: readonly RuleName[];
  readonly scope: Scope;
}

export function testPlantedBug(sentence: string, { breaks, off, scope }: PlantedBug): void {
  test(`a protocol that ${sentence} is caught by ${breaks}`, (t) => {
    const { violation, deadEnd } = explore(scope, off);
    const found = violation ?? (deadEnd && { invariant: DEAD_END, story: deadEnd });
    assert.ok(found !== undefined, 'nothing was found');
    t.diagnostic(storyOf(found.invariant, found.story));
    assert.equal(found.invariant, breaks);
  });
}

function storyOf(violation: string, story: readonly string[]): string {
  return `${violation} breaks after\n${story.join('\n')}`;
}
