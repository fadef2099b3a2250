/**
 * The ledger of committed counts: the resource's status in a cluster, a folder in local mode. One counter at a time
 * holds a stream's tenure; a new one takes the next term, and from then on the ledger refuses the old one's commits.
 */
import type { CountsStatus } from '#crds/schema.ts';
import type { StreamName } from '#proto/protocol.ts';
import type { CrossingEvent } from '../counting/counter.ts';

/** What is committed of a stream, but for the term, which the tenure adds. */
export type CommittedCounts = Omit<CountsStatus, 'term'>;

export interface Reading {
  /** 0 when nobody ever counted this stream. */
  readonly term: number;
  /** Of the agent that the term was taken for, whether or not it has committed anything. */
  readonly session: string | undefined;
  readonly counts: CommittedCounts | undefined;
}

export interface Ledger {
  read(stream: StreamName): Promise<Reading>;
  /** Takes the term after the one that was read. @throws Fenced when somebody else took it first. */
  claim(stream: StreamName, reading: Reading, session: string): Promise<Tenure>;
}

export interface Tenure {
  readonly term: number;
  /** What the earlier terms committed, read again after the claim: nothing can be added to it. */
  readonly counts: CommittedCounts | undefined;
  /** Durable when it resolves. @throws Fenced when a later term was taken: drop the stream. */
  commit(counts: CommittedCounts, crossings: readonly CrossingEvent[]): Promise<void>;
}

/** Another counter holds the stream. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}
