/**
 * The story of one camera's stream in a counter.
 *
 *   a known caller? ─▶ Hello ─▶ its own stream, with room, not superseded? ─▶ take the next term ─▶ Welcome
 *         ─▶ Resume, once there is video ─▶ frame after frame: detect, track, count, show ─▶ from time to time: settle
 *         ─▶ the end, or a eviction: settle, Finished or GoAway
 *
 * Everything here belongs to one call and ends with it. A fault of the stream ends the call with a sentence and
 * touches no other stream.
 */
import { pause } from '#proto/process/backoff.ts';
import { sendHeartbeats, SILENCE_SECONDS } from '#proto/wire/heartbeat.ts';
import type { Log } from '#proto/process/log.ts';
import { Malformed } from '#proto/wire/messages.ts';
import type { CounterCall, CounterMessage, FromAgent, Hello } from '#proto/wire/protocol.ts';
import { Watchdog } from '#proto/wire/watchdog.ts';
import { admit, type Admission, type Slots, type Resources } from './call/admission.ts';
import { type Checkpoint, readCheckpoint } from './analysis/checkpoint.ts';
import { Counting, type Ended } from './counting-run.ts';
import { type Eviction, EVICTIONS, signalOf, waitForSpecEviction } from './specs/eviction.ts';
import { MOST_EVENTS } from './events/outbox.ts';
import { Intake } from './call/intake.ts';
import { Caller } from './identity/caller.ts';
import { Fenced } from './ledger/ledger.ts';
import { Rate } from './call/rate-limit.ts';
import { Gone, Refused } from './refusal.ts';
import { positionOf, CheckpointCommit } from './settlement/checkpoint-commit.ts';

/** An agent that lost its call and is back within this was never away. */
const AWAY_SECONDS = 2;
/** How long an agent that is turned away may take to store what was counted of it. */
const TURNED_AWAY_SECONDS = 10;
/** Of an agent, but for its video: a heartbeat a second, an answer to each checkpoint, and now and then how its camera does. */
const MESSAGES = { perSecond: 20, burst: 200 };

export interface CounterService extends Resources {
  readonly slots: Slots;
  readonly log: Log;
  readonly silenceSeconds?: number;
}

type ResumeMessage = Extract<FromAgent, { kind: 'resume' }>['value'];
type Codec = NonNullable<ResumeMessage['codec']>;

interface Served {
  readonly call: CounterCall;
  readonly service: CounterService;
  readonly admitted: Admission;
  readonly incoming: AsyncIterator<FromAgent>;
  readonly log: Log;
  /** Ends everything that belongs to the call; its reason is what is to be told. */
  readonly ending: AbortController;
  readonly signal: AbortSignal;
  /** Aborted, with a Eviction, when the stream is to be settled and sent away. */
  readonly leaving: AbortSignal;
  readonly evict: (eviction: Eviction) => void;
}

/** Serves one call to its end; never throws for what a stream or its agent did. */
export async function serveStream(call: CounterCall, service: CounterService): Promise<void> {
  const { slots, metrics, draining, identities, silenceSeconds = SILENCE_SECONDS } = service;
  const over = new AbortController();
  // A large picture takes longer than that on a slow link, and its agent's heartbeats wait behind it.
  const watchdog = new Watchdog(
    silenceSeconds,
    () => over.abort(new Gone('the agent fell silent')),
    () => call.bytesReceived(),
  );
  const signal = AbortSignal.any([over.signal, call.signal]);
  const incoming = heardBy(watchdog, call.messages);
  let log = service.log;
  let admitted: Admission | undefined;
  let gone = false;
  try {
    slots.limitRate(call);
    // Before it takes anybody's place.
    const caller = identities && (await Caller.identify(identities, call.token, signal));
    slots.openCall(call);
    const hello = await helloOf(incoming, signal);
    // Before it is welcomed, too: a model may take longer to load than an agent waits where it hears nothing.
    void sendHeartbeats(call, signal);
    log = log.child({ stream: `${hello.stream?.namespace}/${hello.stream?.name}`, session: hello.session });
    admitted = await admit({ hello, caller }, service, (stream) => slots.reserve(call, stream), signal);
    call.accept();
    metrics.serving(slots.streams);
    await serveAdmitted(call, service, admitted, incoming, signal, log);
  } catch (error) {
    gone = signal.aborted || error instanceof Gone;
    if (gone) log.info({ reason: messageOf(error) }, 'the agent is gone');
    else await refuse(call, service, admitted, error, log);
  } finally {
    watchdog.stop();
    over.abort(new Error('the call is over'));
    slots.release(call);
    metrics.serving(slots.streams);
    if (admitted !== undefined) {
      // Another call of the same stream may be counting already.
      if (!slots.has(admitted.stream)) await metrics.forget(labelsOf(admitted));
      await letGo(admitted, gone, draining);
    }
  }
}

async function serveAdmitted(
  call: CounterCall,
  service: CounterService,
  admitted: Admission,
  incoming: AsyncIterator<FromAgent>,
  over: AbortSignal,
  log: Log,
): Promise<void> {
  const { followed, model, writer, caller } = admitted;
  const ending = new AbortController();
  const signal = AbortSignal.any([over, writer.lost, ending.signal]);
  const fault = (error: unknown) => ending.abort(error);
  const bySpec = signalOf(waitForSpecEviction(followed, model, signal), fault);
  const turnedAway = caller ? [signalOf(caller.waitForEviction(signal), fault)] : [];
  turnedAway[0]?.addEventListener('abort', () => void limitTurnedAway(turnedAway[0]!.reason as Eviction, ending, signal));
  const away = new AbortController();
  const evict = (eviction: Eviction) => away.abort(eviction);
  const drain = () => evict(EVICTIONS.drain);
  if (service.draining.aborted) drain();
  service.draining.addEventListener('abort', drain, { once: true });
  const leaving = AbortSignal.any([away.signal, bySpec, ...turnedAway]);
  greet(call, admitted).catch(fault);
  try {
    const ended = await countOnceThereIsVideo({ call, service, admitted, incoming, log, ending, signal, leaving, evict });
    await call.send(ended === 'left' ? farewell(leaving.reason as Eviction, service) : { finished: {} });
    // After its last message the agent closes the call; one that does not is left behind.
    await pause(2, signal);
  } catch (error) {
    // What ended the rest first is the one to tell.
    throw signal.aborted ? (signal.reason as unknown) : error;
  } finally {
    service.draining.removeEventListener('abort', drain);
    ending.abort(new Error('the call is over'));
  }
}

async function limitTurnedAway({ sentence }: Eviction, ending: AbortController, signal: AbortSignal): Promise<void> {
  await pause(TURNED_AWAY_SECONDS, signal);
  ending.abort(new Refused('UNAUTHORIZED', sentence));
}

function farewell({ sentence, refusal }: Eviction, { metrics }: CounterService): CounterMessage {
  if (refusal === undefined) return { goAway: { sentence } };
  metrics.refused(refusal);
  return { refusal: { reason: refusal, sentence } };
}

async function greet(call: CounterCall, { writer, hello }: Admission): Promise<void> {
  await call.send({ welcome: { term: writer.term, position: positionOf(writer.counts, hello.session) } });
}

async function countOnceThereIsVideo(served: Served): Promise<Ended> {
  const resume = await resumeOf(served);
  if (typeof resume === 'string') {
    sayEnded(served, resume);
    return resume;
  }
  const { codec, checkpoint, takenMicros } = resume;
  if (codec === null) throw new Refused('INVALID', 'The agent did not say how its video is coded.');
  const { writer, hello } = served.admitted;
  const position = positionOf(writer.counts, hello.session);
  served.log.info({ term: writer.term, position, resumed: checkpoint.length > 0 }, 'stream taken');
  return count(served, { codec, takenMicros, checkpoint: checkpoint.length > 0 ? readCheckpoint(checkpoint, position) : undefined });
}

interface Beginning {
  readonly codec: Codec;
  readonly takenMicros: number;
  readonly checkpoint: Checkpoint | undefined;
}

async function count(
  { call, service, admitted, incoming, log, ending, signal, leaving, evict }: Served,
  beginning: Beginning,
): Promise<Ended> {
  const { stream, hello, followed, detector, writer, streamState } = admitted;
  const { metrics } = service;
  const labels = labelsOf(admitted);
  const send = (message: CounterMessage) => call.send(message);
  const settlement = new CheckpointCommit(writer, send, hello.session, signal);
  const intake = new Intake({
    codec: beginning.codec,
    position: beginning.checkpoint?.analysis.position ?? settlement.position,
    send,
    onStored: (serial) => settlement.acknowledge(serial),
    onCamera: (camera) => streamState.reportCamera(camera),
    onIdentity: (token) => admitted.caller?.replace(token),
    onUnit: (unit) => metrics.received(labels, unit.data.length),
    onDecoded: (cpuMs) => metrics.decoded(cpuMs),
  });
  const counting = new Counting({
    ...beginning,
    stream,
    followed,
    streamState,
    detector,
    settlement,
    intake,
    send,
    log,
    labels,
    metrics,
    leaving,
    evict,
    session: hello.session,
    sessionStartMicros: hello.sessionStartMicros,
    recorded: hello.recorded,
    receivers: service.receivers,
    mostWaitingEvents: service.mostWaitingEvents ?? MOST_EVENTS,
    term: writer.term,
    committed: writer.counts,
    sayEnded: (ended) => sayEnded({ admitted, leaving }, ended),
  });
  // The intake runs until the stream is done with; its failure must end the counting, and the other way round.
  intake.run(incoming, signal).then(
    () => ending.abort(new Gone('the agent left in the middle of the stream')),
    (error: unknown) => ending.abort(error),
  );
  return counting.run(signal);
}

function sayEnded({ admitted: { streamState }, leaving }: Pick<Served, 'admitted' | 'leaving'>, ended: Ended): void {
  if (ended === 'finished') return streamState.reportEnd('Ended');
  if (ended === 'paused') return streamState.reportEnd('Disconnected', 'AgentPaused', 'The agent has stopped.');
  const { reason, sentence } = leaving.reason as Eviction;
  streamState.reportEnd('Disconnected', reason, sentence);
}

/** The call is over for the agent; what is still to be said of the stream is said now. */
async function letGo({ followed, detector, writer, streamState }: Admission, gone: boolean, draining: AbortSignal): Promise<void> {
  detector.release();
  await followed.close();
  if (gone) {
    await pause(AWAY_SECONDS, AbortSignal.any([writer.lost, draining]));
    streamState.reportEnd('Disconnected', 'AgentGone', 'The agent is gone.');
  }
  await writer.close();
}

async function refuse(
  call: CounterCall,
  { metrics }: CounterService,
  admitted: Admission | undefined,
  error: unknown,
  log: Log,
): Promise<void> {
  const refusal = refusalOf(error);
  const failed = refusal.reason === 'REFUSAL_REASON_UNSPECIFIED';
  log[failed ? 'error' : 'warn'](refusal, 'stream refused');
  metrics.refused(refusal.reason);
  await call.send({ refusal }).catch(() => undefined);
  // There is nothing left to say it of, or somebody else speaks for it.
  if (refusal.reason === 'UNKNOWN_STREAM' || refusal.reason === 'FENCED') return;
  // Whoever could not say who it is has nothing to say of a stream; what it was counted for before is still true.
  if (refusal.reason === 'UNAUTHORIZED') return admitted?.streamState.reportEnd('Disconnected', 'AgentUnauthorized', refusal.sentence);
  if (failed) admitted?.streamState.reportEnd('Disconnected', 'CounterFailed', refusal.sentence);
  else admitted?.streamState.reportRefusal(refusal.reason, refusal.sentence);
}

async function helloOf(incoming: AsyncIterator<FromAgent>, signal: AbortSignal): Promise<Hello> {
  const message = await nextOf(incoming, signal);
  if (message === undefined) throw new Gone('the agent left before its hello');
  if (message.kind !== 'hello') throw new Refused('INVALID', `The agent sent ${message.kind} where its hello belongs.`);
  return message.value;
}

/** An agent without video keeps the call open, and tells of its camera, until it has some. */
async function resumeOf({ incoming, admitted, signal, leaving }: Served): Promise<ResumeMessage | 'paused' | 'left'> {
  const either = AbortSignal.any([signal, leaving]);
  for (;;) {
    let message: FromAgent | undefined;
    try {
      message = await nextOf(incoming, either);
    } catch (error) {
      if (leaving.aborted && !signal.aborted) return 'left';
      throw error;
    }
    switch (message?.kind) {
      case 'resume':
        return message.value;
      case 'camera':
        admitted.streamState.reportCamera(message.value);
        break;
      case 'identity':
        admitted.caller?.replace(message.value.token);
        break;
      case 'heartbeat':
        break;
      case undefined:
        throw new Gone('the agent left before its resume');
      default:
        if (message?.kind === 'endOfStream' && message.value.paused) return 'paused';
        throw new Refused('INVALID', `The agent sent ${message?.kind} where its resume belongs.`);
    }
  }
}

/** Undefined after the last one. @throws the signal's reason as soon as it aborts. */
function nextOf(incoming: AsyncIterator<FromAgent>, signal: AbortSignal): Promise<FromAgent | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    incoming
      .next()
      .then(({ done, value }) => resolve(done === true ? undefined : value), reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

/** @throws Refused INVALID when the agent talks more than it has to say; video is bounded by its credit. */
async function* heardBy(watchdog: Watchdog, messages: AsyncIterable<FromAgent>): AsyncGenerator<FromAgent> {
  const now = () => performance.now() / 1000;
  const rate = new Rate(MESSAGES, now());
  let before: FromAgent['kind'] | undefined;
  for await (const message of messages) {
    const { kind } = message;
    watchdog.reset();
    const isVideo = kind === 'accessUnit' || (kind === 'gap' && before === 'accessUnit');
    before = kind;
    if (!isVideo && !rate.take(now()))
      throw new Refused('INVALID', `The agent sent more than ${MESSAGES.burst} messages at once that are no video.`);
    yield message;
  }
}

function labelsOf({ stream: { namespace, name } }: Admission) {
  return { stream: `${namespace}/${name}` };
}

function refusalOf(error: unknown): { reason: Refused['reason']; sentence: string } {
  if (error instanceof Refused) return { reason: error.reason, sentence: error.message };
  if (error instanceof Malformed) return { reason: 'INVALID', sentence: error.message };
  if (error instanceof Fenced) return { reason: 'FENCED', sentence: error.message };
  return { reason: 'REFUSAL_REASON_UNSPECIFIED', sentence: messageOf(error) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
