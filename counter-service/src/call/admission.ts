/**
 * Admission of a call to its stream. Everything that can be refused is refused before a term is taken, and a refused call
 * has no effect on other calls.
 *
 * Bounds: `maxStreams` streams, and twice as many calls, including calls that have not sent their Hello. A stream keeps
 * its slot until its last call is over: an agent that calls again before its dead call was noticed shares its own slot.
 */
import type { CounterCall, Hello, StreamName } from '#proto/wire/protocol.ts';
import type { PooledDetector } from '../detection/detector-pool.ts';
import type { Caller, CallerOptions } from '../identity/caller.ts';
import type { Receiver } from '../events/receiver.ts';
import type { Ledger, LedgerWriter } from '../ledger/ledger.ts';
import type { StreamMetrics } from '../metrics.ts';
import { messageOf, Refused } from '../refusal.ts';
import { EVICTIONS } from '../specs/eviction.ts';
import type { FollowedSpec, Specs } from '../specs/specs.ts';
import { CallerRates } from './rate-limit.ts';
import { validateStream } from './validation.ts';
import { refusalReport, StreamStateReporter } from '../ledger/stream-state.ts';

/** What all streams of a counter share. */
export interface Resources {
  readonly ledger: Ledger;
  readonly specs: Specs;
  /** Where the events of all streams are delivered. */
  readonly receivers: readonly Receiver[];
  /** For each stream while a receiver is away; by default as many as a checkpoint holds. */
  readonly mostWaitingEvents?: number | undefined;
  /** Takes a detector from the pool. @throws Error with a sentence when the model cannot be used. */
  readonly detector: (model: string) => Promise<PooledDetector>;
  /** Aborted when the counter drains: every stream is evicted. */
  readonly draining: AbortSignal;
  readonly metrics: StreamMetrics;
  /** Authenticates callers. Absent in local mode, where only the user's own processes reach the counter. */
  readonly identities?: CallerOptions | undefined;
}

export interface Admission {
  readonly stream: StreamName;
  readonly hello: Hello;
  readonly followed: FollowedSpec;
  readonly model: string;
  readonly detector: PooledDetector;
  readonly writer: LedgerWriter;
  readonly streamState: StreamStateReporter;
  readonly caller: Caller | undefined;
}

/**
 * The rates that legal callers may reach: when a counter comes back, all agents of a site call it from one address, each
 * again after a quarter of a second to 15 s.
 */
export function callerRates(maxStreams: number, now: () => number = () => performance.now() / 1000): CallerRates {
  const each = { perSecond: Math.max(4, maxStreams), burst: Math.max(32, 4 * maxStreams) };
  return new CallerRates(each, { perSecond: 4 * each.perSecond, burst: 4 * each.burst }, now);
}

/** The open calls, and the streams that they serve. */
export class Slots {
  readonly #maxStreams: number;
  readonly #rates: CallerRates;
  readonly #calls = new Set<CounterCall>();
  /** By uid: the calls that share the stream's slot. */
  readonly #streams = new Map<string, Set<CounterCall>>();

  constructor(maxStreams: number, rates: CallerRates = callerRates(maxStreams)) {
    this.#maxStreams = maxStreams;
    this.#rates = rates;
  }

  get streams(): number {
    return this.#streams.size;
  }

  has({ uid }: StreamName): boolean {
    return this.#streams.has(uid);
  }

  /** Comes first, before any work for the caller. @throws Refused FULL. */
  limitRate({ caller }: CounterCall): void {
    if (!this.#rates.take(caller)) throw new Refused('FULL', 'There are more calls than the counter answers: call later.');
  }

  /** @throws Refused FULL. */
  openCall(call: CounterCall): void {
    if (this.#calls.size >= 2 * this.#maxStreams) throw new Refused('FULL', `The counter has ${this.#calls.size} calls open already.`);
    this.#calls.add(call);
  }

  /** @throws Refused FULL. */
  reserve(call: CounterCall, { uid }: StreamName): void {
    const sharing = this.#streams.get(uid);
    if (sharing !== undefined) {
      sharing.add(call);
      return;
    }
    if (this.#streams.size >= this.#maxStreams) throw new Refused('FULL', `The counter serves ${this.#maxStreams} streams already.`);
    this.#streams.set(uid, new Set([call]));
  }

  release(call: CounterCall): void {
    this.#calls.delete(call);
    for (const [uid, sharing] of this.#streams) if (sharing.delete(call) && sharing.size === 0) this.#streams.delete(uid);
  }
}

/** @param reserve takes the stream's slot. @throws Refused, Fenced; the signal's reason when the call ends meanwhile. */
export async function admit(
  from: Pick<Admission, 'hello' | 'caller'>,
  resources: Resources,
  reserve: (stream: StreamName) => void,
  signal: AbortSignal,
): Promise<Admission> {
  const { hello, caller } = from;
  const stream = validateStream(hello);
  caller?.requireAgentOf(stream);
  if (resources.draining.aborted) throw new Refused('DRAINING', EVICTIONS.drain.sentence);
  reserve(stream);
  const followed = await resources.specs.follow(stream, signal);
  try {
    const { spec, generation } = followed.current();
    if (spec.suspend) throw new Refused('SUSPENDED', EVICTIONS.suspend.sentence);
    const { model } = spec.detection;
    const detector = await resources.detector(model).catch(async (error: unknown) => {
      // An agent that is gone by now may be served by another counter: this one must not report a refusal.
      signal.throwIfAborted();
      throw await reportedRefusal(error, { ledger: resources.ledger, stream, session: hello.session, generation });
    });
    try {
      signal.throwIfAborted();
      const writer = await claim(hello, stream, resources.ledger, signal);
      return { stream, hello, caller, followed, model, detector, writer, streamState: new StreamStateReporter(writer, generation) };
    } catch (error) {
      detector.release();
      throw error;
    }
  } catch (error) {
    await followed.close();
    throw error;
  }
}

/** Takes no term for an agent that is gone by now: a pod that died after its Hello would supersede the pod that replaced it. */
async function claim(hello: Hello, stream: StreamName, ledger: Ledger, signal: AbortSignal): Promise<LedgerWriter> {
  const reading = await ledger.read(stream);
  if (reading.session !== undefined && reading.session !== hello.session && hello.lastTerm > 0) {
    throw new Refused('SUPERSEDED', `Session ${reading.session} has taken the stream over.`);
  }
  return ledger.claim(stream, reading, hello.session, signal);
}

/** Writes the refusal to the stream's state as well, for no other counter reports it. */
async function reportedRefusal(
  error: unknown,
  { ledger, stream, session, generation }: { ledger: Ledger; stream: StreamName; session: string; generation: number | undefined },
): Promise<Refused> {
  const reason = 'MODEL_UNAVAILABLE';
  const sentence = messageOf(error);
  const report = { ...refusalReport(reason, sentence), ...(generation !== undefined && { observedGeneration: generation }) };
  // The agent receives the refusal even if the ledger cannot be written.
  await ledger.refuse(stream, session, report).catch(() => undefined);
  return new Refused(reason, sentence);
}
