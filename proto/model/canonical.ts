/** One text for each state, by which the search tells states apart. */
import type { State } from './state.ts';

/**
 * States that differ in nothing but names have the same text: the two counters may trade places, and requests that no
 * counter waits for have no order. Pods, calls and the like are numbered as they come up, which keeps the texts short.
 * In the state itself they are replaced by the first ones that equal them, so that each is written out once.
 */
export function canonicalizer(): (state: State) => string {
  const pods = new Parts<State['pods'][number]>();
  const runs = new Parts<State['runs'][number]>();
  const entries = new Parts<State['ledger']>();
  const receivers = new Parts<State['receiver']>();
  const faults = new Parts<State['faults']>();
  return (state) => {
    state.pods = state.pods.map((pod) => pods.first(pod));
    state.runs = state.runs.map((run) => runs.first(run));
    state.ledger = entries.first(state.ledger);
    state.receiver = receivers.first(state.receiver);
    state.faults = faults.first(state.faults);
    const [one, other] = state.runs.map((run) => runs.numberOf(run)) as [number, number];
    const swapped = other < one;
    const nameOf = (counter: number) => (counter < 0 || !swapped ? counter : 1 - counter);
    const writes = state.writes.map(({ by, entry, kind, version }) => {
      return `${kind} ${version} ${entries.numberOf(entries.first(entry))}@${nameOf(by)}`;
    });
    const { clock, sessions, excused } = state;
    const calls = swapped ? `${other},${one}` : `${one},${other}`;
    const others = `${entries.numberOf(state.ledger)},${receivers.numberOf(state.receiver)},${faults.numberOf(state.faults)}`;
    const agents = state.pods.map((pod) => pods.numberOf(pod)).join();
    return `${clock},${sessions},${excused},${others},${agents},${calls},${writes.toSorted().join()}`;
  };
}

/** Those of one kind, by their values. Only the first of those that are equal is kept. */
class Parts<Part extends object> {
  readonly #firsts = new Map<string, Part>();
  readonly #numbers = new Map<Part, number>();

  first(part: Part): Part {
    if (this.#numbers.has(part)) return part;
    const text = JSON.stringify(Object.values(part));
    const known = this.#firsts.get(text);
    if (known !== undefined) return known;
    this.#firsts.set(text, part);
    this.#numbers.set(part, this.#numbers.size);
    return part;
  }

  /** @param first one that was returned by `first`. */
  numberOf(first: Part): number {
    return this.#numbers.get(first)!;
  }
}
