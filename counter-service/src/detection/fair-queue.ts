/**
 * Items wait in lanes, one lane a stream. The lane at the front gives one item and goes to the back, so a stream with
 * many items waiting delays another by at most one item each round. Urgent items (run again after a fault) go first.
 */
export class FairQueue<Item> {
  readonly #urgent: Item[] = [];
  /** In the order of their turns; a lane without items is not in it. */
  readonly #lanes = new Map<string, Item[]>();

  get size(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.length, this.#urgent.length);
  }

  waiting(stream: string): number {
    return this.#lanes.get(stream)?.length ?? 0;
  }

  push(stream: string, item: Item): void {
    const lane = this.#lanes.get(stream);
    if (lane === undefined) this.#lanes.set(stream, [item]);
    else lane.push(item);
  }

  pushUrgent(item: Item): void {
    this.#urgent.push(item);
  }

  /** The next item and up to `most` - 1 others that `fit` it, a lane's items always in their order. An urgent item goes alone. */
  take(most: number, fit: (first: Item, other: Item) => boolean): Item[] {
    const urgent = this.#urgent.shift();
    if (urgent !== undefined) return [urgent];
    const taken: Item[] = [];
    // A lane that gave an item goes to the back, where this same loop meets it again: round after round.
    for (const [stream, lane] of this.#lanes) {
      const head = lane[0];
      if (taken.length === most) break;
      if (head === undefined || (taken[0] !== undefined && !fit(taken[0], head))) continue;
      taken.push(head);
      this.#shift(stream, lane);
    }
    return taken;
  }

  /** False if the item no longer waits. */
  remove(stream: string, item: Item): boolean {
    const lane = this.#lanes.get(stream);
    const index = lane?.indexOf(item) ?? -1;
    if (lane === undefined || index < 0) return false;
    lane.splice(index, 1);
    if (lane.length === 0) this.#lanes.delete(stream);
    return true;
  }

  takeAll(): Item[] {
    const all = [...this.#urgent.splice(0), ...[...this.#lanes.values()].flat()];
    this.#lanes.clear();
    return all;
  }

  #shift(stream: string, lane: Item[]): void {
    lane.shift();
    this.#lanes.delete(stream);
    if (lane.length > 0) this.#lanes.set(stream, lane);
  }
}
