/**
 * A queue with one lane for each stream. The front lane gives one item and moves to the back, so a stream with many
 * waiting items delays each other stream by at most one item a round. Urgent items (retries after a fault) go first.
 */
export class FairQueue<Item> {
  readonly #urgent: Item[] = [];
  /** In the order of their turns; empty lanes are removed. */
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

  /** Takes the next item and up to `most` - 1 further ones that `fit` it, each lane in its order. An urgent item goes alone. */
  take(most: number, fit: (first: Item, other: Item) => boolean): Item[] {
    const urgent = this.#urgent.shift();
    if (urgent !== undefined) return [urgent];
    const taken: Item[] = [];
    // A lane that gave an item moves to the back of the map, so this loop reaches it again in the next round.
    for (const [stream, lane] of this.#lanes) {
      const head = lane[0];
      if (taken.length === most) break;
      if (head === undefined || (taken[0] !== undefined && !fit(taken[0], head))) continue;
      taken.push(head);
      this.#shift(stream, lane);
    }
    return taken;
  }

  /** @returns false if the item is no longer in the queue. */
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
