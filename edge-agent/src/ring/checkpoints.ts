/** The counter's checkpoints, kept for it: opaque to the agent but for where the log must be read from. */
import type { Folder } from './folder.ts';
import type { Counted } from './recording.ts';

export interface Checkpoint extends Counted {
  readonly serial: number;
  readonly state: Buffer;
}

/** Where checkpoints outlive the process; of one session. */
export interface CheckpointShelf {
  /** Kept when it returns. @throws Error with a sentence when it cannot be. */
  put(sequence: number, checkpoint: Checkpoint): void;
  remove(sequence: number): void;
}

interface Kept {
  /** In the order of storing, over all calls. */
  readonly sequence: number;
  readonly checkpoint: Checkpoint;
}

/** Two would do (a stored one and its successor on the way); more only when commits are slow. */
const MAX_CHECKPOINTS = 4;
/** They have some tens of kilobytes; all of them together must find room beside the ring. */
const MAX_BYTES = 1024 * 1024;

const NAME = /^checkpoint-(\d{12})$/;
const NO_SHELF: CheckpointShelf = { put: () => undefined, remove: () => undefined };

export class Checkpoints {
  readonly #shelf: CheckpointShelf;
  #kept: Kept[];
  #sequence: number;

  /** @param found on the shelf, in the order of storing. */
  constructor(shelf: CheckpointShelf = NO_SHELF, found: readonly Kept[] = []) {
    this.#shelf = shelf;
    this.#kept = [...found];
    this.#sequence = found.at(-1)?.sequence ?? 0;
    this.#drop(this.#kept.length - MAX_CHECKPOINTS);
  }

  /** @throws Error with a sentence when it cannot be kept. */
  store(checkpoint: Checkpoint): void {
    const { length } = checkpoint.state;
    if (length > MAX_BYTES)
      throw new Error(`The counter's checkpoint has ${length} bytes, and the agent keeps none of more than ${MAX_BYTES}.`);
    const sequence = (this.#sequence += 1);
    this.#shelf.put(sequence, checkpoint);
    this.#kept.push({ sequence, checkpoint });
    this.#drop(this.#kept.length - MAX_CHECKPOINTS);
  }

  /** Of one call; serials start anew with the next. */
  release(serial: number): Checkpoint | undefined {
    const settled = this.#kept.findLastIndex(({ checkpoint }) => checkpoint.serial === serial);
    this.#drop(settled);
    return settled < 0 ? undefined : this.#kept[0]!.checkpoint;
  }

  /**
   * The newest one at or after a committed position. One that was stored and never committed is a good place to go
   * on from: nobody was shown its counts as committed, and the next counter commits them.
   */
  newestFrom(position: number): Checkpoint | undefined {
    return this.#kept.findLast(({ checkpoint }) => checkpoint.position >= position)?.checkpoint;
  }

  clear(): void {
    this.#drop(this.#kept.length);
  }

  #drop(oldest: number): void {
    for (const { sequence } of this.#kept.splice(0, Math.max(0, oldest))) this.#shelf.remove(sequence);
  }
}

/** Each in a file of its own. @param session whose checkpoints they are, now. */
export function checkpointsIn(folder: Folder, session: () => string): Checkpoints {
  const found: Kept[] = [];
  for (const name of folder.names()) {
    const [, digits] = NAME.exec(name) ?? [];
    const block = digits === undefined ? undefined : folder.take(name);
    if (block === undefined) continue;
    const { session: whose, ...facts } = block.facts as Omit<Checkpoint, 'state'> & { session: string };
    if (whose === session()) found.push({ sequence: Number(digits), checkpoint: { ...facts, state: Buffer.from(block.payload) } });
    else folder.remove(name);
  }
  const shelf: CheckpointShelf = {
    put: (sequence, { state, ...facts }) => folder.put(nameOf(sequence), { ...facts, session: session() }, state),
    remove: (sequence) => folder.remove(nameOf(sequence)),
  };
  return new Checkpoints(shelf, found);
}

function nameOf(sequence: number): string {
  return `checkpoint-${String(sequence).padStart(12, '0')}`;
}
