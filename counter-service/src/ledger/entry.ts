/** Reads and composes the counter's part of a CameraStream's status. Pure functions of plain data. */
import type { KubernetesObject } from '#crds/cluster/api.ts';
import type { CameraStreamStatus, CountsStatus, StreamState, StreamStatus } from '#crds/schema.ts';
import { positionOf, type Reading, type StreamReport } from './ledger.ts';

/** The counter's part of the status. Server-side apply removes fields that are left out, so it is always written whole. */
export type Entry = Pick<CameraStreamStatus, 'counts' | 'stream'>;

/** What a writer writes. */
export interface WholeEntry {
  readonly counts: CountsStatus;
  readonly stream: StreamStatus;
}

/** The fields of a CameraStream that the ledger reads. */
export interface CameraStreamObject extends KubernetesObject {
  readonly metadata?: KubernetesObject['metadata'] & { readonly generation?: number };
  readonly status?: CameraStreamStatus;
}

/** Which counter writes, for which session, and when. */
export interface Author {
  /** The pod's name. */
  readonly counter: string;
  readonly session: string;
  /** RFC 3339. */
  readonly now: string;
}

/** States in which a counter serves the stream. */
const SERVED: ReadonlySet<StreamState> = new Set(['Starting', 'Counting', 'Interrupted']);
/** States in which the camera is observed, or is about to be. */
const OBSERVED: ReadonlySet<StreamState> = new Set(['Starting', 'Counting']);
/** The time of counts before the first commit; Kubernetes writes an absent time like this. */
const NEVER = '0001-01-01T00:00:00Z';
const counterFailed = { state: 'Disconnected', reason: 'CounterFailed', message: 'The counter gave the stream up.' } as const;

export function readingOf({ status }: CameraStreamObject): Reading {
  const { counts, stream } = status ?? {};
  if (counts === undefined) return { term: 0, session: stream?.session, counts: undefined };
  const { term, ...committed } = counts;
  return { term, session: stream?.session ?? counts.session, counts: isBlank(counts) ? undefined : committed };
}

/** Takes the next term and keeps the totals. */
export function entryForClaim({ metadata, status }: CameraStreamObject, { counter, session, now }: Author): WholeEntry {
  const old = status?.counts ?? blank(session);
  const observedGeneration = metadata?.generation;
  const counts = { ...old, term: old.term + 1, session, position: positionOf(old, session) };
  const before = status?.stream;
  // A stream that was refused stays Refused until a frame is counted: otherwise each attempt would show Starting again.
  if (before?.state === 'Refused' && before.session === session && before.observedGeneration === observedGeneration) {
    return { counts, stream: { ...before, counter } };
  }
  return {
    counts,
    stream: { state: 'Starting', counter, since: now, session, ...(observedGeneration !== undefined && { observedGeneration }) },
  };
}

/** `since` is the time at which state, reason or counter last changed. */
export function streamStatus(before: StreamStatus | undefined, report: StreamReport, { counter, session, now }: Author): StreamStatus {
  const same = before?.state === report.state && before.reason === report.reason && before.counter === counter;
  return { ...report, counter, session, since: same ? before.since : now };
}

/**
 * The refusal that a counter without a term may write; undefined while another counter serves the stream, and when the
 * status says the same already. An agent has one call at a time: if the status names this counter, or the session that
 * sent this Hello, that earlier call is over. The session stays the one that the term was taken for.
 */
export function entryForRefusal(
  { status }: CameraStreamObject,
  report: StreamReport,
  { counter, session: caller, now }: Author,
): Entry | undefined {
  const { counts, stream } = status ?? {};
  if (stream !== undefined && SERVED.has(stream.state) && stream.counter !== counter && stream.session !== caller) return undefined;
  const same = stream?.state === report.state && stream.reason === report.reason && stream.message === report.message;
  if (same && stream.observedGeneration === report.observedGeneration) return undefined;
  const session = stream?.session;
  return {
    ...(counts && { counts: withEmptyZones(counts, report) }),
    stream: { ...report, counter, since: now, ...(session !== undefined && { session }) },
  };
}

/** The last report of a term that ended before it was written; undefined when a later term was taken or the status shows an end already. */
export function entryForWithdrawal(
  { status }: CameraStreamObject,
  term: number,
  report: StreamReport,
  now: string,
): WholeEntry | undefined {
  const { counts, stream } = status ?? {};
  if (counts?.term !== term || stream === undefined || !SERVED.has(stream.state)) return undefined;
  const last = SERVED.has(report.state) ? counterFailed : report;
  const { counter, session = counts.session } = stream;
  return { counts: withEmptyZones(counts, last), stream: streamStatus(stream, last, { counter, session, now }) };
}

/** Zones report 0 while the camera is not observed. */
export function withEmptyZones<C extends Pick<CountsStatus, 'zones'>>(counts: C, { state }: StreamReport): C {
  return OBSERVED.has(state) ? counts : { ...counts, zones: counts.zones.map((zone) => ({ ...zone, occupancy: 0 })) };
}

/** Terms were taken, but no counter has committed anything yet. */
function isBlank({ time }: CountsStatus): boolean {
  return time === NEVER;
}

function blank(session: string): CountsStatus {
  return {
    term: 0,
    session,
    position: 0,
    time: NEVER,
    in: 0,
    out: 0,
    inside: 0,
    lines: [],
    zones: [],
    observedSeconds: 0,
    doubtfulSeconds: 0,
    gaps: { count: 0, seconds: 0 },
  };
}
