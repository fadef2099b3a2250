/**
 * Explicit-state search: every state that can be reached, breadth first, so that the first violation that is found has
 * the shortest story. States are told apart by a text; how each was reached is kept as its parent and the number of
 * the step, from which a story is played again.
 */

export interface Searched<State> {
  readonly beginning: State;
  readonly steps: (state: State) => readonly { readonly does: string; readonly to: State }[];
  readonly canonical: (state: State) => string;
  /** The name of what does not hold in a state. */
  readonly broken: (state: State) => string | undefined;
  /** A state in which everything has come to a good end. */
  readonly isGoal: (state: State) => boolean;
  /** @throws Error when more states are found: the bound is part of what is claimed. */
  readonly maxStates: number;
}

export interface Violation {
  readonly invariant: string;
  /** What happened, step by step. */
  readonly story: readonly string[];
}

export interface Result {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the state that is farthest from the beginning. */
  readonly depth: number;
  readonly violation: Violation | undefined;
  /** The story to a state from which no good end can be reached; looked for when there is no violation. */
  readonly deadEnd: readonly string[] | undefined;
}

export const DEAD_END = 'CanEndWell';

export function search<State>(searched: Searched<State>): Result {
  const { beginning, steps, canonical, broken, isGoal } = searched;
  const graph = new Graph(searched.maxStates);
  graph.find(canonical(beginning), -1, -1);
  let level = [{ id: 0, state: beginning }];
  for (let depth = 0; ; depth += 1) {
    const next: typeof level = [];
    for (const { id, state } of level) {
      const invariant = broken(state);
      if (invariant !== undefined) {
        return { ...graph.size, depth, violation: { invariant, story: graph.story(searched, id) }, deadEnd: undefined };
      }
      if (isGoal(state)) graph.goals.push(id);
      for (const [ordinal, { to }] of steps(state).entries()) {
        const before = graph.size.states;
        const target = graph.find(canonical(to), id, ordinal);
        if (target === before) next.push({ id: target, state: to });
      }
    }
    if (next.length === 0) {
      const lost = graph.deadEnd();
      return { ...graph.size, depth, violation: undefined, deadEnd: lost === undefined ? undefined : graph.story(searched, lost) };
    }
    level = next;
  }
}

/** States by number, in the order in which they were found; the beginning is 0. */
class Graph {
  readonly goals: number[] = [];
  readonly #known = new Map<string, number>();
  readonly #maxStates: number;
  readonly #parents = new Numbers();
  readonly #ordinals = new Numbers();
  readonly #from = new Numbers();
  readonly #to = new Numbers();

  constructor(maxStates: number) {
    this.#maxStates = maxStates;
  }

  get size(): { states: number; transitions: number } {
    return { states: this.#known.size, transitions: this.#from.length };
  }

  /** The number of the state with this text, which is one step from another. */
  find(text: string, parent: number, ordinal: number): number {
    const known = this.#known.get(text);
    const state = known ?? this.#known.size;
    if (parent >= 0) {
      this.#from.push(parent);
      this.#to.push(state);
    }
    if (known !== undefined) return known;
    if (state >= this.#maxStates) throw new Error(`There are more than ${this.#maxStates} states.`);
    this.#known.set(text, state);
    this.#parents.push(parent);
    this.#ordinals.push(ordinal);
    return state;
  }

  /** The first state, in the order of finding, from which no goal is reached. */
  deadEnd(): number | undefined {
    const { states, transitions } = this.size;
    const starts = new Int32Array(states + 1);
    for (let edge = 0; edge < transitions; edge += 1) starts[this.#to.at(edge) + 1]! += 1;
    for (let state = 0; state < states; state += 1) starts[state + 1]! += starts[state]!;
    const sources = new Int32Array(transitions);
    const filled = starts.slice();
    for (let edge = 0; edge < transitions; edge += 1) sources[filled[this.#to.at(edge)]!++] = this.#from.at(edge);
    const ends = new Uint8Array(states);
    const open = [...this.goals];
    for (const goal of open) ends[goal] = 1;
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      for (const source of sources.subarray(starts[state], starts[state + 1])) {
        if (ends[source] === 1) continue;
        ends[source] = 1;
        open.push(source);
      }
    }
    const lost = ends.indexOf(0);
    return lost < 0 ? undefined : lost;
  }

  story<State>({ beginning, steps, canonical }: Searched<State>, id: number): string[] {
    const ordinals: number[] = [];
    for (let at = id; at > 0; at = this.#parents.at(at)) ordinals.unshift(this.#ordinals.at(at));
    let state = beginning;
    return ordinals.map((ordinal, index) => {
      const { does, to } = steps(state)[ordinal]!;
      const still = canonical(to) === canonical(state) ? ' (nothing changes)' : '';
      state = to;
      return `${String(index + 1).padStart(2)}. ${does}${still}`;
    });
  }
}

/** A list of whole numbers, at four bytes each. */
class Numbers {
  #values = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const values = new Int32Array(this.length * 2);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.#values[index]!;
  }
}
