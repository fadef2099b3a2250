/** What a counter takes over when it has nothing to go on from but what somebody has committed. */
import type { Takeover } from './analysis.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';

export interface Successor {
  readonly session: string;
  /** Unix time, by its agent's clock. */
  readonly sessionStartMicros: number;
  /** As the agent's Resume says. */
  readonly takenMicros: number;
}

/** @param nowMicros Unix time. */
export function takeoverFrom(committed: CommittedCounts, successor: Successor, nowMicros: number): Takeover {
  // Counted before, but not from here: what lies between was seen by nobody who could go on.
  // A position of 0 was only ever taken over from another session.
  const reason = committed.session === successor.session && committed.position > 0 ? 'CHECKPOINT_LOST' : 'AGENT_REPLACED';
  // The status holds milliseconds: the frame itself lies within the last one.
  const countedMicros = Date.parse(committed.time) * 1000 + 999 - successor.sessionStartMicros;
  return { fromMicros: reason === 'AGENT_REPLACED' ? bounded(countedMicros, successor, nowMicros) : countedMicros, reason };
}

/** Of another agent, whose clock may differ. */
function bounded(countedMicros: number, { sessionStartMicros, takenMicros }: Successor, nowMicros: number): number {
  // What came after the term was taken nobody else has counted.
  if (takenMicros > 0) return Math.min(countedMicros, takenMicros);
  // It may have read ahead of the clock (a file): nothing is passed over for that.
  return countedMicros > nowMicros - sessionStartMicros ? -1 : countedMicros;
}
