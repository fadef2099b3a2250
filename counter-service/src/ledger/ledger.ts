/**
 * The ledger of committed counts: the resource's status in a cluster, a folder in local mode. A stream has one writer at
 * a time. The next writer takes the next term, and from then on the ledger refuses commits of the earlier terms.
 */
import type { CountsStatus, StreamStatus } from '#crds/schema.ts';
import type { StreamName } from '#proto/wire/protocol.ts';

/** What is committed of a stream; the writer adds the term. */
export type CommittedCounts = Omit<CountsStatus, 'term'>;

/** The state of a stream: `status.stream` without the counter that reports it and the time of its last change. */
export type StreamReport = Pick<StreamStatus, 'state' | 'reason' | 'message' | 'observedGeneration'>;

export interface Reading {
  /** 0 when no counter has ever taken this stream. */
  readonly term: number;
  /** The agent's session that the term was taken for, whether or not anything was committed in it. */
  readonly session: string | undefined;
  readonly counts: CommittedCounts | undefined;
}

export interface Ledger {
  /** @throws Refused UNKNOWN_STREAM, LEDGER_UNAVAILABLE; so do `claim` and `refuse`. */
  read(stream: StreamName): Promise<Reading>;
  /** Takes the term after the one in `reading`. @throws Fenced when another counter took it first; the signal's reason. */
  claim(stream: StreamName, reading: Reading, session: string, signal?: AbortSignal): Promise<LedgerWriter>;
  /** Reports why a stream is not counted, without taking a term. Changes nothing while another counter counts the stream. */
  refuse(stream: StreamName, session: string, report: StreamReport): Promise<void>;
}

export interface LedgerWriter {
  readonly term: number;
  /** What the earlier terms committed, read after the claim: no counter can add to it any more. */
  readonly counts: CommittedCounts | undefined;
  /** Aborted with the reason when the right to write is lost, also while no commit is under way. */
  readonly lost: AbortSignal;
  /** The counts are durable when it resolves. @throws Fenced when a later term was taken: drop the stream. */
  commit(counts: CommittedCounts): Promise<void>;
  /** Takes the committed counts with a later position, time or delivery. They are worth no write; the next write carries them. */
  defer(counts: CommittedCounts): void;
  /** The status shows the report soon, with the next commit or by itself. The latest report wins. */
  report(report: StreamReport): void;
  /** Resolves when the last report is written, or could not be written within seconds. Nothing is written after it. */
  close(): Promise<void>;
}

/** A later term was taken: another counter, or a newer call to this one, has the stream. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** The committed position within this session; 0 where another session committed last, for each session numbers from 1. */
export function positionOf(counts: CommittedCounts | undefined, session: string): number {
  return counts?.session === session ? counts.position : 0;
}
