/** Where a counter continues when it has committed counts but no checkpoint. */
import type { Takeover } from './analysis.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';

export interface Successor {
  readonly session: string;
  /** Unix time, by the clock of the session's agent. */
  readonly sessionStartMicros: number;
  /** As the agent's Resume says. */
  readonly takenMicros: number;
}

/** @param nowMicros Unix time. */
export function takeoverFrom(committed: CommittedCounts, successor: Successor, nowMicros: number): Takeover {
  // The same session, with a position of its own: only its checkpoint is missing. At position 0 the session itself took
  // over the counts of another session, and has committed nothing since.
  const reason = committed.session === successor.session && committed.position > 0 ? 'CHECKPOINT_LOST' : 'AGENT_REPLACED';
  // The status rounds down to milliseconds: the last counted frame lies within this one.
  const countedMicros = Date.parse(committed.time) * 1000 + 999 - successor.sessionStartMicros;
  return { fromMicros: reason === 'AGENT_REPLACED' ? bounded(countedMicros, successor, nowMicros) : countedMicros, reason };
}

/** Limits the time that another agent's clock has declared, for the two clocks may differ. */
function bounded(countedMicros: number, { sessionStartMicros, takenMicros }: Successor, nowMicros: number): number {
  // No other counter can have counted video that was taken after the Welcome.
  if (takenMicros > 0) return Math.min(countedMicros, takenMicros);
  // The other session may have read a file ahead of the clock: then no frame is skipped.
  return countedMicros > nowMicros - sessionStartMicros ? -1 : countedMicros;
}
