/**
 * The counts of a stream in the form of each receiver: the ledger, and the agent's site. Declares for each field of the
 * ledger whether its change is worth a write.
 */
import type { CounterMessage } from '#proto/wire/protocol.ts';
import type { AnalysisState } from '../analysis/analysis.ts';
import { totalsOf, zoneCounts } from '../counting/counter.ts';
import type { Numbers } from '../events/outbox.ts';
import type { CommittedCounts } from '../ledger/ledger.ts';
import { pascalCase } from '../ledger/stream-state.ts';

/** `write`: a change of this field alone is worth a write. `shown`: the next write carries it. */
type WriteWorth = 'write' | 'shown';
type Declaration<T> = T extends readonly (infer Item)[]
  ? Declaration<Item>
  : T extends object
    ? { [Field in keyof Required<T>]: Declaration<NonNullable<T[Field]>> } | WriteWorth
    : WriteWorth;

/** A missing field does not compile. While no person moves, times and positions must not cause a write. */
const WORTH: { readonly [Field in keyof Required<CommittedCounts>]: Declaration<NonNullable<CommittedCounts[Field]>> } = {
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
  doubtfulSeconds: 'shown',
  // The figures in a message change with each frame.
  findings: { type: 'write', reason: 'write', message: 'shown', since: 'shown' },
  gaps: { count: 'write', seconds: 'write', last: { from: 'write', to: 'write', reason: 'write', accessUnits: 'write' } },
  delivered: 'shown',
};

/** The fields that are worth a write: two counts of the same substance need no write between them. */
export function substanceOf(counts: CommittedCounts): string {
  return JSON.stringify(substantialPart(counts, WORTH));
}

function substantialPart(value: unknown, worth: unknown): unknown {
  if (worth === 'write' || value === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => substantialPart(item, worth));
  const fields = Object.entries(worth as Record<string, unknown>).filter(([, declared]) => declared !== 'shown');
  return fields.map(([field, declared]) => substantialPart((value as Record<string, unknown>)[field], declared));
}

export interface SessionTimes {
  readonly session: string;
  readonly sessionStartMicros: number;
}

/** The counts in the form of the ledger. */
export function committedCounts(state: AnalysisState, { session, sessionStartMicros }: SessionTimes, delivered?: Numbers): CommittedCounts {
  const at = (micros: number) => new Date((sessionStartMicros + micros) / 1000).toISOString();
  const { last } = state.gaps;
  const { lines, ...totals } = totalsOf(state.counter);
  return {
    session,
    position: state.position,
    // Until the first frame, the counts are those of the earlier session, and so is their time.
    time: at(state.takeover?.fromMicros ?? Math.max(0, state.presentationMicros)),
    ...totals,
    lines: [...lines],
    zones: zoneCounts(state.counter),
    observedSeconds: Math.floor(state.observedMicros / 1e6),
    doubtfulSeconds: Math.floor(state.doubtfulMicros / 1e6),
    findings: state.findings.map(({ sinceMicros, ...finding }) => ({ ...finding, since: at(sinceMicros) })),
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

/** The numbers of the newest crossing and the newest gap in the counts. */
export function numbersOf(
  counts: { readonly in: number; readonly out: number; readonly gaps: { readonly count: number } } | undefined,
): Numbers {
  return counts === undefined ? { crossings: 0, gaps: 0 } : { crossings: counts.in + counts.out, gaps: counts.gaps.count };
}

/** The current counts for the agent's site; provisional until they are committed. */
export function siteCounts({ counter, gaps, position, presentationMicros, frames, doubtfulMicros, findings }: AnalysisState) {
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
    doubtfulMicros,
    findings: [...findings],
  } satisfies NonNullable<CounterMessage['counts']>;
}
