/**
 * Who is served: everything that can be refused is refused before a term is taken, and nothing that a refused call did
 * reaches another.
 *
 * Bounds: `maxStreams` streams, and twice as many calls, those that wait for their Hello among them. A stream has its
 * place from the moment it is found to have one until its last call is over: an agent that calls again, before its old
 * call was noticed to be dead, shares its own place.
 */
import type { CounterCall, Hello, StreamName } from '#proto/wire/protocol.ts';
import type { PooledDetector } from '../detection/detector-pool.ts';
import type { Caller, CallerOptions } from '../identity/caller.ts';
import type { Receiver } from '../events/receiver.ts';
import type { Ledger, LedgerWriter } from '../ledger/ledger.ts';
import type { StreamMetrics } from '../metrics.ts';
import { Refused } from '../refusal.ts';
import type { FollowedSpec, Specs } from '../specs/specs.ts';
import { CallerRates } from './rate-limit.ts';
import { validateStream } from './validation.ts';
import { refusalReport, StreamStateReporter } from '../ledger/stream-state.ts';

/** What a counter has for all its streams. */
export interface Resources {
  readonly ledger: Ledger;
  readonly specs: Specs;
  /** What takes the events. */
  readonly receivers: readonly Receiver[];
  /** Of a stream, for a receiver that is away; without it as many as a checkpoint holds. */
  readonly mostWaitingEvents?: number | undefined;
  /** The detector of a model. @throws Error with a sentence when the model cannot be used. */
  readonly detector: (model: string) => Promise<PooledDetector>;
  /** Aborted when the service drains: streams settle and are sent away. */
  readonly draining: AbortSignal;
  readonly metrics: StreamMetrics;
  /** How callers are known. Absent in local mode: whoever reaches it is the user. */
  readonly identities?: CallerOptions | undefined;
}

export interface Admitted {
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
 * How often a counter of so many streams is called with reason: all agents of a site, behind one address, call a counter
 * that comes back, each again within a quarter of a second to 15 s.
 */
export function callerRates(maxStreams: number, now: () => number = () => performance.now() / 1000): CallerRates {
  const each = { perSecond: Math.max(4, maxStreams), burst: Math.max(32, 4 * maxStreams) };
  return new CallerRates(each, { perSecond: 4 * each.perSecond, burst: 4 * each.burst }, now);
}

/** Calls that are open, and the streams among them. */
export class Slots {
  readonly #maxStreams: number;
  readonly #rates: CallerRates;
  readonly #calls = new Set<CounterCall>();
  /** By uid: whose calls share the place. */
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

  /** Before anything is done for a caller. @throws Refused FULL. */
  knock({ caller }: CounterCall): void {
    if (!this.#rates.take(caller)) throw new Refused('FULL', 'There are more calls than the counter answers: call later.');
  }

  /** @throws Refused FULL. */
  enter(call: CounterCall): void {
    if (this.#calls.size >= 2 * this.#maxStreams) throw new Refused('FULL', `The counter has ${this.#calls.size} calls open already.`);
    this.#calls.add(call);
  }

  /** @throws Refused FULL. */
  take(call: CounterCall, { uid }: StreamName): void {
    const sharing = this.#streams.get(uid);
    if (sharing !== undefined) {
      sharing.add(call);
      return;
    }
    if (this.#streams.size >= this.#maxStreams) throw new Refused('FULL', `The counter serves ${this.#maxStreams} streams already.`);
    this.#streams.set(uid, new Set([call]));
  }

  leave(call: CounterCall): void {
    this.#calls.delete(call);
    for (const [uid, sharing] of this.#streams) if (sharing.delete(call) && sharing.size === 0) this.#streams.delete(uid);
  }
}

/** @throws Refused, Fenced; the signal's reason when the call ends meanwhile. */
export async function admit(
  from: Pick<Admitted, 'hello' | 'caller'>,
  resources: Resources,
  takePlace: (stream: StreamName) => void,
  signal: AbortSignal,
): Promise<Admitted> {
  const { hello, caller } = from;
  const stream = validateStream(hello);
  caller?.requireAgentOf(stream);
  if (resources.draining.aborted) throw new Refused('DRAINING', 'The counter is shutting down.');
  takePlace(stream);
  const followed = await resources.specs.follow(stream, signal);
  try {
    const { spec, generation } = followed.current();
    if (spec.suspend) throw new Refused('SUSPENDED', 'spec.suspend is true: nothing is counted now.');
    const { model } = spec.detection;
    const detector = await resources.detector(model).catch(async (error: unknown) => {
      // Whom it was loaded for is gone, and may be counted elsewhere by now.
      signal.throwIfAborted();
      throw await refusedAloud(resources.ledger, stream, hello.session, error, generation);
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

/** Not for an agent that is gone by now: a pod that died may have said hello, and would supersede the one that lives. */
async function claim(hello: Hello, stream: StreamName, ledger: Ledger, signal: AbortSignal): Promise<LedgerWriter> {
  const reading = await ledger.read(stream);
  if (reading.session !== undefined && reading.session !== hello.session && hello.lastTerm > 0) {
    throw new Refused('SUPERSEDED', `Session ${reading.session} has taken the stream over.`);
  }
  return ledger.claim(stream, reading, hello.session, signal);
}

/** Nobody has the stream, so nobody else says why. */
async function refusedAloud(
  ledger: Ledger,
  stream: StreamName,
  session: string,
  error: unknown,
  generation: number | undefined,
): Promise<Refused> {
  const reason = 'MODEL_UNAVAILABLE';
  const sentence = error instanceof Error ? error.message : String(error);
  const report = { ...refusalReport(reason, sentence), ...(generation !== undefined && { observedGeneration: generation }) };
  // The agent is told in any case.
  await ledger.refuse(stream, session, report).catch(() => undefined);
  return new Refused(reason, sentence);
}
