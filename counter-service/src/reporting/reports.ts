/**
 * What is told of a stream's state, by audience: the ledger, and the agent at its site. What of it is worth a write of
 * the ledger is declared here, field by field.
 */
import type { CounterMessage } from '#proto/wire/protocol.ts';
import type { AnalysisState } from '../analysis/analysis.ts';
import { totalsOf, zoneCounts } from '../counting/counter.ts';
import type { Numbers } from '../events/outbox.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';
import { pascalCase } from '../ledger/stream-state.ts';

/** `write`: a change of it alone is worth a write. `shown`: it only rides along with the next one. */
type Worth = 'write' | 'shown';
type Declared<T> = T extends readonly (infer Item)[]
  ? Declared<Item>
  : T extends object
    ? { [Field in keyof Required<T>]: Declared<NonNullable<T[Field]>> } | Worth
    : Worth;

/** A field that is missing here does not compile. Clocks and positions of a quiet floor must cost the ledger nothing. */
const WORTH: { readonly [Field in keyof Required<CommittedCounts>]: Declared<NonNullable<CommittedCounts[Field]>> } = {
  session: 'write',
  position: 'shown',
  time: 'shown',
  in: 'write',
  out: 'write',
  // Follows from the crossings.
  inside: 'shown',
  lines: { name: 'write', in: 'write', out: 'write' },
  zones: { name: 'write', occupancy: 'write' },
  observedSeconds: 'shown',
  gaps: { count: 'write', seconds: 'write', last: { from: 'write', to: 'write', reason: 'write', accessUnits: 'write' } },
  delivered: 'shown',
};

/** What the ledger must hold: two counts of the same substance need no write between them. */
export function substanceOf(counts: CommittedCounts): string {
  return JSON.stringify(worthAWrite(counts, WORTH));
}

function worthAWrite(value: unknown, worth: unknown): unknown {
  if (worth === 'write' || value === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => worthAWrite(item, worth));
  const fields = Object.entries(worth as Record<string, unknown>).filter(([, declared]) => declared !== 'shown');
  return fields.map(([field, declared]) => worthAWrite((value as Record<string, unknown>)[field], declared));
}

export interface OfSession {
  readonly session: string;
  readonly sessionStartMicros: number;
}

/** What the ledger is to hold. */
export function committedCounts(state: AnalysisState, { session, sessionStartMicros }: OfSession, delivered?: Numbers): CommittedCounts {
  const at = (micros: number) => new Date((sessionStartMicros + micros) / 1000).toISOString();
  const { last } = state.gaps;
  const { lines, ...totals } = totalsOf(state.counter);
  return {
    session,
    position: state.position,
    // Until something is seen, no time has passed since the session before counted.
    time: at(state.takeover?.fromMicros ?? Math.max(0, state.presentationMicros)),
    ...totals,
    lines: [...lines],
    zones: zoneCounts(state.counter),
    observedSeconds: Math.floor(state.observedMicros / 1e6),
    gaps: {
      count: state.gaps.count,
      seconds: Math.round(state.gaps.micros / 1e6),
      ...(last && {
        last: { from: at(last.fromMicros), to: at(last.toMicros), reason: pascalCase(last.reason), accessUnits: last.accessUnits },
      }),
    },
    ...(delivered && { delivered }),
  };
}

/** The numbers of the newest crossing and gap in it. */
export function numbersOf(
  counts: { readonly in: number; readonly out: number; readonly gaps: { readonly count: number } } | undefined,
): Numbers {
  return counts === undefined ? { crossings: 0, gaps: 0 } : { crossings: counts.in + counts.out, gaps: counts.gaps.count };
}

/** For the agent's site: what is counted by now, provisional until it is committed. */
export function siteCounts({ counter, gaps, position, presentationMicros, frames }: AnalysisState) {
  const totals = totalsOf(counter);
  return {
    position,
    presentationMicros,
    frames,
    ...totals,
    lines: [...totals.lines],
    zones: zoneCounts(counter),
    gaps: gaps.count,
    gapMicros: gaps.micros,
  } satisfies NonNullable<CounterMessage['counts']>;
}
