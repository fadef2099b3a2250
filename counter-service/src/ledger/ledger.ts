/**
 * The ledger of committed counts: the resource's status in a cluster, a folder in local mode. One counter at a time
 * holds a stream's tenure; a new one takes the next term, and from then on the ledger refuses the old one's commits.
 */
import type { CountsStatus, StreamStatus } from '#crds/schema.ts';
import type { StreamName } from '#proto/wire/protocol.ts';

/** What is committed of a stream, but for the term, which the tenure adds. */
export type CommittedCounts = Omit<CountsStatus, 'term'>;

/** How a stream is doing: `status.stream`, but for who says so, and since when. */
export type StreamReport = Pick<StreamStatus, 'state' | 'reason' | 'message' | 'observedGeneration'>;

export interface Reading {
  /** 0 when nobody ever counted this stream. */
  readonly term: number;
  /** Of the agent that the term was taken for, whether or not it has committed anything. */
  readonly session: string | undefined;
  readonly counts: CommittedCounts | undefined;
}

export interface Ledger {
  /** @throws Refused UNKNOWN_STREAM, LEDGER_UNAVAILABLE; so do the others. */
  read(stream: StreamName): Promise<Reading>;
  /** Takes the term after the one that was read. @throws Fenced when somebody else took it first; the signal's reason. */
  claim(stream: StreamName, reading: Reading, session: string, signal?: AbortSignal): Promise<LedgerWriter>;
  /** Why a stream is not counted, for which no term was taken for this session: shown as long as nobody else counts it. */
  refuse(stream: StreamName, session: string, report: StreamReport): Promise<void>;
}

export interface LedgerWriter {
  readonly term: number;
  /** What the earlier terms committed, read again after the claim: nothing can be added to it. */
  readonly counts: CommittedCounts | undefined;
  /** Aborted, with the reason, when the tenure is over though nothing was being committed. */
  readonly lost: AbortSignal;
  /** Durable when it resolves. @throws Fenced when a later term was taken: drop the stream. */
  commit(counts: CommittedCounts): Promise<void>;
  /** The same as what is committed, of a later position and time, or delivered further: worth no write, but taken along by the next one. */
  defer(counts: CommittedCounts): void;
  /** To be shown soon, with the next commit or by itself; the latest one wins. */
  report(report: StreamReport): void;
  /** Resolves when all that was reported is shown, or cannot be within seconds; nothing is written after it. */
  close(): Promise<void>;
}

/** Another counter holds the stream. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}
