/** Keeps the counter's checkpoints. The agent reads only from where each needs the log. */
import type { Folder } from './folder.ts';
import type { Counted } from './recording.ts';

export interface Checkpoint extends Counted {
  readonly serial: number;
  readonly state: Buffer;
}

/** Stores the checkpoints of one session beyond the process. */
export interface CheckpointStore {
  /** Stored when it returns. @throws Error with a sentence. */
  put(sequence: number, checkpoint: Checkpoint): void;
  remove(sequence: number): void;
}

interface Kept {
  /** In the order of storing, over all calls. */
  readonly sequence: number;
  readonly checkpoint: Checkpoint;
}

/** Two are enough (a stored one and its successor under way), unless commits are slow. */
const MAX_CHECKPOINTS = 4;
/** A checkpoint has some tens of kilobytes; all of them need room beside the ring. */
const MAX_BYTES = 1024 * 1024;

const NAME = /^checkpoint-(\d{12})$/;
const NO_STORE: CheckpointStore = { put: () => undefined, remove: () => undefined };

export class Checkpoints {
  readonly #store: CheckpointStore;
  #kept: Kept[];
  #sequence: number;

  /** @param found in the store, in the order of storing. */
  constructor(store: CheckpointStore = NO_STORE, found: readonly Kept[] = []) {
    this.#store = store;
    this.#kept = [...found];
    this.#sequence = found.at(-1)?.sequence ?? 0;
    this.#drop(this.#kept.length - MAX_CHECKPOINTS);
  }

  /** @throws Error with a sentence when it cannot be stored. */
  store(checkpoint: Checkpoint): void {
    const { length } = checkpoint.state;
    if (length > MAX_BYTES)
      throw new Error(`The counter's checkpoint has ${length} bytes, and the agent keeps none of more than ${MAX_BYTES}.`);
    const sequence = (this.#sequence += 1);
    this.#store.put(sequence, checkpoint);
    this.#kept.push({ sequence, checkpoint });
    this.#drop(this.#kept.length - MAX_CHECKPOINTS);
  }

  /** @param serial of this call: the next call begins at 1 again. */
  release(serial: number): Checkpoint | undefined {
    const settled = this.#kept.findLastIndex(({ checkpoint }) => checkpoint.serial === serial);
    this.#drop(settled);
    return settled < 0 ? undefined : this.#kept[0]!.checkpoint;
  }

  /**
   * The newest one at or after a committed position. A counter may resume from a checkpoint that was stored and never
   * committed: its counts were not shown as committed, and the next counter commits them.
   */
  newestFrom(position: number): Checkpoint | undefined {
    return this.#kept.findLast(({ checkpoint }) => checkpoint.position >= position)?.checkpoint;
  }

  clear(): void {
    this.#drop(this.#kept.length);
  }

  #drop(oldest: number): void {
    for (const { sequence } of this.#kept.splice(0, Math.max(0, oldest))) this.#store.remove(sequence);
  }
}

/** Each in a file of its own. @param session returns the id of the session that they belong to. */
export function checkpointsIn(folder: Folder, session: () => string): Checkpoints {
  const found: Kept[] = [];
  for (const name of folder.names()) {
    const [, digits] = NAME.exec(name) ?? [];
    const block = digits === undefined ? undefined : folder.take(name);
    if (block === undefined) continue;
    const { session: owner, ...facts } = block.facts as Omit<Checkpoint, 'state'> & { session: string };
    if (owner === session()) found.push({ sequence: Number(digits), checkpoint: { ...facts, state: Buffer.from(block.payload) } });
    else folder.remove(name);
  }
  const store: CheckpointStore = {
    put: (sequence, { state, ...facts }) => folder.put(nameOf(sequence), { ...facts, session: session() }, state),
    remove: (sequence) => folder.remove(nameOf(sequence)),
  };
  return new Checkpoints(store, found);
}

function nameOf(sequence: number): string {
  return `checkpoint-${String(sequence).padStart(12, '0')}`;
}
