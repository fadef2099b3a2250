/** What stands in a CameraStream's status, read and made: plain data in, plain data out. */
import type { KubernetesObject } from '#crds/cluster/api.ts';
import type { CameraStreamStatus, CountsStatus, StreamState, StreamStatus } from '#crds/schema.ts';
import type { Reading, StreamReport } from './ledger.ts';

/** The counter's part of the status. Server-side apply takes away what is left out, so it is always written whole. */
export type Entry = Pick<CameraStreamStatus, 'counts' | 'stream'>;

/** What a tenure writes. */
export interface WholeEntry {
  readonly counts: CountsStatus;
  readonly stream: StreamStatus;
}

/** A CameraStream as far as the ledger looks at it. */
export interface Ledgered extends KubernetesObject {
  readonly metadata?: KubernetesObject['metadata'] & { readonly generation?: number };
  readonly status?: CameraStreamStatus;
}

export interface Speaker {
  /** The pod's name. */
  readonly counter: string;
  readonly session: string;
  /** RFC 3339. */
  readonly now: string;
}

/** States in which a counter has the stream. */
const TAKEN: ReadonlySet<StreamState> = new Set(['Starting', 'Counting', 'Interrupted']);
/** States in which the camera is looked at, or is about to be. */
const SEEN: ReadonlySet<StreamState> = new Set(['Starting', 'Counting']);
/** Where nothing was ever committed: no frame was taken then. As Kubernetes writes a time that there is none of. */
const NEVER = '0001-01-01T00:00:00Z';
const givenUp = { state: 'Disconnected', reason: 'CounterFailed', message: 'The counter gave the stream up.' } as const;

export function readingOf({ status }: Ledgered): Reading {
  const { counts, stream } = status ?? {};
  if (counts === undefined) return { term: 0, session: stream?.session, counts: undefined };
  const { term, ...committed } = counts;
  return { term, session: stream?.session ?? counts.session, counts: isBlank(counts) ? undefined : committed };
}

/** The next term, and nothing else new: the totals go on. Numbers of another session's access units mean nothing here. */
export function entryForClaim({ metadata, status }: Ledgered, { counter, session, now }: Speaker): WholeEntry {
  const old = status?.counts ?? blank(session);
  const position = old.session === session ? old.position : 0;
  const observedGeneration = metadata?.generation;
  const counts = { ...old, term: old.term + 1, session, position };
  const before = status?.stream;
  // What could not be counted cannot be counted now, either, until a frame of it is: each try would say Starting.
  if (before?.state === 'Refused' && before.session === session && before.observedGeneration === observedGeneration) {
    return { counts, stream: { ...before, counter } };
  }
  return {
    counts,
    stream: { state: 'Starting', counter, since: now, session, ...(observedGeneration !== undefined && { observedGeneration }) },
  };
}

/** `since` is when the state or its reason became what they are. */
export function streamStatus(before: StreamStatus | undefined, report: StreamReport, { counter, session, now }: Speaker): StreamStatus {
  const same = before?.state === report.state && before.reason === report.reason && before.counter === counter;
  return { ...report, counter, session, since: same ? before.since : now };
}

/**
 * What a counter that has no term may say of a stream: nothing while somebody else has it, and nothing twice. An agent
 * has one call: the stream that it had here before, or elsewhere in the session that says hello, nobody has any more.
 * The session stays the one that the term was taken for.
 */
export function entryForRefusal({ status }: Ledgered, report: StreamReport, { counter, session: caller, now }: Speaker): Entry | undefined {
  const { counts, stream } = status ?? {};
  if (stream !== undefined && TAKEN.has(stream.state) && stream.counter !== counter && stream.session !== caller) return undefined;
  const same = stream?.state === report.state && stream.reason === report.reason && stream.message === report.message;
  if (same && stream.observedGeneration === report.observedGeneration) return undefined;
  const session = stream?.session;
  return {
    ...(counts && { counts: asSeen(counts, report) }),
    stream: { ...report, counter, since: now, ...(session !== undefined && { session }) },
  };
}

/** What is left to say of a term that a counter lost without a word; undefined when another was taken, or nobody is said to have it. */
export function entryForWithdrawal({ status }: Ledgered, term: number, report: StreamReport, now: string): WholeEntry | undefined {
  const { counts, stream } = status ?? {};
  if (counts?.term !== term || stream === undefined || !TAKEN.has(stream.state)) return undefined;
  const last = TAKEN.has(report.state) ? givenUp : report;
  const { counter, session = counts.session } = stream;
  return { counts: asSeen(counts, last), stream: streamStatus(stream, last, { counter, session, now }) };
}

/** What nobody looks at is not occupied. */
export function asSeen<C extends Pick<CountsStatus, 'zones'>>(counts: C, { state }: StreamReport): C {
  return SEEN.has(state) ? counts : { ...counts, zones: counts.zones.map(({ name }) => ({ name, occupancy: 0 })) };
}

/** A term was taken and nothing was ever committed: the first to count begins as if nobody had been there. */
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
    gaps: { count: 0, seconds: 0 },
  };
}
