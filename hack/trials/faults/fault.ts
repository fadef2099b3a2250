/** A fault: what one trial does to the product. */
import type { TrialLedger } from '../ledgers.ts';
import type { Order } from '../points.ts';
import type { Random } from '../../machine/random.ts';
import type { Stage } from '../stage.ts';

export interface Orders {
  readonly counter: readonly (Order | undefined)[];
  readonly agent: readonly (Order | undefined)[];
}

export interface Fault {
  readonly name: string;
  /** For --help. */
  readonly sentence: string;
  /** An agent reads a file as fast as it is counted, and needs no ring for it; a camera does not wait. */
  readonly source: 'file' | 'camera';
  readonly ledger: 'folder' | 'server';
  readonly counters: 1 | 2;
  /**
   * The camera encodes with B-frames. Not for faults in which the ring loses access units: what is counted may end before a
   * picture that was decoded earlier than it is shown. Then its time is in the gap, but it is not declared lost.
   */
  readonly reordered?: true;
  /** The ring must lose access units, and declare each. */
  readonly overflows?: true;
  /** Whether events may, or must, be lost on their way to the receiver, each of them declared. */
  readonly losesEvents?: 'perhaps' | 'surely';
  /** How many events a counter keeps for an unreachable receiver. */
  readonly mostWaiting?: number;
  readonly bufferSeconds?: number;
  /** `overload: live`: an agent that is further behind passes over access units. */
  readonly maxLagSeconds?: number;
  /** Size of the file system of the agent's ring. */
  readonly diskBytes?: number;
  readonly orders?: (seed: number, random: Random) => Orders;
  /** Resolves when the fault is over and the product may recover. A fault without effect is noted in `stage.unexpected`. */
  run(stage: Stage, random: Random, ledger: TrialLedger): Promise<void>;
}
