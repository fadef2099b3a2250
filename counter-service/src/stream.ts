/**
 * The story of one camera's stream in a counter.
 *
 *   Hello ─▶ known, with room, not superseded? ─▶ take the next term ─▶ Welcome ─▶ Resume
 *         ─▶ frame after frame: detect, track, count, show ─▶ from time to time: settle
 *         ─▶ the end: settle, Finished
 *
 * Everything here belongs to one call and ends with it. A fault of the stream ends the call with a sentence and
 * touches no other stream.
 */
import type { CameraStreamSpec } from '#crds/schema.ts';
import { pause } from '#proto/backoff.ts';
import { beat, SILENCE_SECONDS } from '#proto/heartbeat.ts';
import type { Log } from '#proto/log.ts';
import type { CounterCall, CounterMessage, FromAgent, Hello, StreamName } from '#proto/protocol.ts';
import { Watchdog } from '#proto/watchdog.ts';
import type { AnalysisState } from './analysis.ts';
import { Counting, type CountingDetector } from './counting-run.ts';
import { Intake } from './intake.ts';
import { Fenced, type Ledger, type Tenure } from './ledger/ledger.ts';
import type { StreamMetrics } from './metrics.ts';
import { Gone, Refused } from './refused.ts';
import { Settlement } from './settlement.ts';

export interface CounterService {
  readonly ledger: Ledger;
  readonly spec: (stream: StreamName) => Promise<CameraStreamSpec | undefined>;
  /** The detector of a model. @throws Error with a sentence when the model cannot be used. */
  readonly detector: (model: string) => Promise<CountingDetector>;
  readonly maxStreams: number;
  readonly open: Set<CounterCall>;
  /** Aborted when the service drains: streams settle and are sent away. */
  readonly draining: AbortSignal;
  readonly metrics: StreamMetrics;
  readonly log: Log;
}

/** Serves one call to its end; never throws for what a stream or its agent did. */
export async function serveStream(call: CounterCall, service: CounterService): Promise<void> {
  const over = new AbortController();
  const watchdog = new Watchdog(SILENCE_SECONDS, () => over.abort(new Error('the agent fell silent')));
  const signal = AbortSignal.any([over.signal, call.signal]);
  const incoming = heardBy(watchdog, call.messages);
  service.open.add(call);
  let log = service.log;
  try {
    const hello = await expect(incoming, 'hello', signal);
    log = log.child({ stream: `${hello.stream?.namespace}/${hello.stream?.name}`, session: hello.session });
    await serveAdmitted(call, service, hello, incoming, signal, log);
  } catch (error) {
    if (signal.aborted || error instanceof Gone) {
      log.info({ reason: messageOf(error) }, 'the agent is gone');
      return;
    }
    const refusal = refusalOf(error);
    log[refusal.reason === 'REFUSAL_REASON_UNSPECIFIED' ? 'error' : 'warn'](refusal, 'stream refused');
    await call.send({ refusal }).catch(() => undefined);
  } finally {
    watchdog.stop();
    over.abort(new Error('the call is over'));
    service.open.delete(call);
  }
}

async function serveAdmitted(
  call: CounterCall,
  service: CounterService,
  hello: Hello,
  incoming: AsyncIterator<FromAgent>,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  const { stream, spec, tenure, detector } = await admit(hello, service);
  const position = tenure.counts?.session === hello.session ? tenure.counts.position : 0;
  await call.send({ welcome: { term: tenure.term, position } });
  const resume = await expect(incoming, 'resume', signal);
  if (resume.codec === null) throw new Refused('INVALID', 'The agent did not say how its video is coded.');
  log.info({ term: tenure.term, position, resumed: resume.checkpoint.length > 0 }, 'stream taken');

  const labels = { stream: `${stream.namespace}/${stream.name}` };
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const send = (message: CounterMessage) => call.send(message);
  const settlement = new Settlement(tenure, send, either);
  const intake = new Intake({
    codec: resume.codec,
    send,
    onStored: (serial) => settlement.stored(serial),
    onUnit: (unit) => service.metrics.received(labels, unit.data.length),
    onDecoded: (cpuMs) => service.metrics.decoded(cpuMs),
  });
  const counting = new Counting({
    stream, spec, detector, settlement, intake, send, log, labels,
    session: hello.session,
    sessionStartMicros: hello.sessionStartMicros,
    term: tenure.term,
    committed: tenure.counts,
    checkpoint: resume.checkpoint.length > 0 ? readCheckpoint(resume.checkpoint) : undefined,
    codec: resume.codec,
    metrics: service.metrics,
    draining: service.draining,
  });
  // The intake runs until the call ends; its failure must end the counting, and the other way round.
  intake.run(incoming).then(
    () => ending.abort(new Gone('the agent left in the middle of the stream')),
    (error: unknown) => ending.abort(error),
  );
  const beating = beat(call, either);
  try {
    const ended = await counting.run(either);
    await send(ended === 'finished' ? { finished: {} } : { goAway: { sentence: 'The counter is shutting down.' } });
    // After its last message the agent closes the call; one that does not is left behind.
    await pause(2, either);
  } catch (error) {
    // When the intake failed first, its reason is the one to tell.
    throw ending.signal.aborted ? (ending.signal.reason as unknown) : error;
  } finally {
    ending.abort(new Error('the call is over'));
    await Promise.all([service.metrics.forget(labels), beating]);
  }
}

/** Who may be served: everything that can be refused is refused before a term is taken. */
async function admit(hello: Hello, service: CounterService) {
  const { stream } = hello;
  if (stream === null || hello.session === '') throw new Refused('INVALID', 'The agent did not say who it is.');
  if (service.draining.aborted) throw new Refused('DRAINING', 'The counter is shutting down.');
  if (service.open.size > service.maxStreams) {
    throw new Refused('FULL', `The counter serves ${service.maxStreams} streams already.`);
  }
  const spec = await service.spec(stream);
  if (spec === undefined) {
    throw new Refused('UNKNOWN_STREAM', `There is no CameraStream ${stream.namespace}/${stream.name} here.`);
  }
  const detector = await service.detector(spec.detection.model).catch((error: unknown) => {
    throw new Refused('MODEL_UNAVAILABLE', messageOf(error));
  });
  return { stream, spec, detector, tenure: await claim(hello, stream, service.ledger) };
}

async function claim(hello: Hello, stream: StreamName, ledger: Ledger): Promise<Tenure> {
  const reading = await ledger.read(stream);
  if (reading.session !== undefined && reading.session !== hello.session && hello.lastTerm > 0) {
    throw new Refused('SUPERSEDED', `Session ${reading.session} has taken the stream over.`);
  }
  return ledger.claim(stream, reading, hello.session);
}

async function expect<K extends FromAgent['kind']>(
  incoming: AsyncIterator<FromAgent>,
  kind: K,
  signal: AbortSignal,
): Promise<Extract<FromAgent, { kind: K }>['value']> {
  for (;;) {
    const message = await Promise.race([incoming.next(), aborted(signal)]);
    if (message.done === true) throw new Gone(`the agent left before its ${kind}`);
    signal.throwIfAborted();
    if (message.value.kind === kind) return message.value.value as never;
    if (message.value.kind !== 'heartbeat') {
      throw new Refused('INVALID', `The agent sent ${message.value.kind} where its ${kind} belongs.`);
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function readCheckpoint(bytes: Buffer): AnalysisState {
  let state: AnalysisState;
  try {
    state = JSON.parse(bytes.toString()) as AnalysisState;
  } catch {
    throw new Refused('INVALID', 'The checkpoint is not one of a counter.');
  }
  if (state.version !== 1) throw new Refused('INVALID', `The checkpoint is of version ${String(state.version)}, not 1.`);
  return state;
}

async function* heardBy(watchdog: Watchdog, messages: AsyncIterable<FromAgent>): AsyncGenerator<FromAgent> {
  for await (const message of messages) {
    watchdog.heard();
    yield message;
  }
}

function refusalOf(error: unknown): { reason: Refused['reason']; sentence: string } {
  if (error instanceof Refused) return { reason: error.reason, sentence: error.message };
  if (error instanceof Fenced) return { reason: 'FENCED', sentence: error.message };
  return { reason: 'REFUSAL_REASON_UNSPECIFIED', sentence: messageOf(error) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
