/** What is done to the product in one trial. */
import type { TrialLedger } from '../ledgers.ts';
import type { Order } from '../points.ts';
import type { Random } from '../random.ts';
import type { Stage } from '../stage.ts';

export interface Orders {
  readonly counter: readonly (Order | undefined)[];
  readonly agent: readonly (Order | undefined)[];
}

export interface Fault {
  readonly name: string;
  /** For --help. */
  readonly sentence: string;
  /** A file is read as fast as it is counted, and is its own ring; a camera goes on whatever happens. */
  readonly source: 'file' | 'camera';
  readonly ledger: 'folder' | 'server';
  readonly counters: 1 | 2;
  /**
   * A camera that codes with B-frames. Not where the ring loses anything: what is counted may end before a picture that came
   * earlier than it is shown. Its time is in the gap then, but it is not among the access units that are declared lost.
   */
  readonly reordered?: true;
  /** Whether the ring has lost access units, each of them declared. */
  readonly overflows?: true;
  /** Whether events may be lost on their way to the receiver, each of them declared. */
  readonly losesEvents?: 'perhaps' | 'surely';
  /** Events that a counter keeps for a receiver that is away. */
  readonly mostWaiting?: number;
  readonly bufferSeconds?: number;
  /** `overload: live`: what the agent is behind by more than this is passed over. */
  readonly maxLagSeconds?: number;
  /** The agent's ring is on a file system of so many bytes. */
  readonly diskBytes?: number;
  readonly orders?: (seed: number, random: Random) => Orders;
  /** Resolves when all is done and the product may recover. What had no effect is a surprise of the stage. */
  run(stage: Stage, random: Random, ledger: TrialLedger): Promise<void>;
}
