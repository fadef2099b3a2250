/** The counter's checkpoints, kept for it: opaque to the agent but for where the log must be read from. */

export interface Checkpoint {
  readonly serial: number;
  /** The newest access unit that is counted in it. */
  readonly position: number;
  readonly presentationMicros: number;
  readonly state: Buffer;
}

/** Two would do (a stored one and its successor on the way); more only when commits are slow. */
const MAX_CHECKPOINTS = 4;

export class Checkpoints {
  #kept: Checkpoint[] = [];

  store(checkpoint: Checkpoint): void {
    this.#kept.push(checkpoint);
    if (this.#kept.length > MAX_CHECKPOINTS) this.#kept.shift();
  }

  /** Of one call; serials start anew with the next. */
  release(serial: number): Checkpoint | undefined {
    const settled = this.#kept.findLastIndex((checkpoint) => checkpoint.serial === serial);
    if (settled > 0) this.#kept.splice(0, settled);
    return settled < 0 ? undefined : this.#kept[0];
  }

  /**
   * The newest one at or after a committed position. One that was stored and never committed is a good place to go
   * on from: nobody was shown its counts as committed, and the next counter commits them.
   */
  newestFrom(position: number): Checkpoint | undefined {
    return this.#kept.findLast((checkpoint) => checkpoint.position >= position);
  }

  clear(): void {
    this.#kept = [];
  }
}
