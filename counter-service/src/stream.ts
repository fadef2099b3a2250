/**
 * The story of one camera's stream in a counter.
 *
 *   known caller ─▶ hello ─▶ admit: its own stream, a free slot, not superseded; takes the next term ─▶ welcome
 *         ─▶ resume, once there is video ─▶ count frame after frame, and settle checkpoints
 *         ─▶ farewell: Finished at the end, GoAway or a refusal after an eviction
 *
 * Everything here belongs to one call and ends with it. A fault of the stream ends its call with a sentence, and affects
 * no other stream.
 */
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import { sendHeartbeats, SILENCE_SECONDS } from '#proto/wire/heartbeat.ts';
import type { CounterCall, CounterMessage } from '#proto/wire/protocol.ts';
import { readCheckpoint } from './settlement/checkpoint.ts';
import { type Admission, admit, type Resources, type Slots } from './call/admission.ts';
import { Evictions } from './call/evictions.ts';
import { Incoming } from './call/incoming.ts';
import { Intake } from './call/intake.ts';
import { readHello, waitForResume } from './call/opening.ts';
import { type CountingOptions, CountingRun, type StreamEnd } from './counting-run.ts';
import { Caller } from './identity/caller.ts';
import { refusalOf } from './call/refusal-message.ts';
import { positionOf } from './ledger/ledger.ts';
import { AgentGone, messageOf, Refused } from './refusal.ts';
import { CheckpointCommit } from './settlement/checkpoint-commit.ts';

/** An agent that lost its call and is back within this time is not reported as gone. */
const RECONNECT_SECONDS = 2;
/** After its last message the agent closes the call; the counter closes it for an agent that does not. */
const CLOSE_SECONDS = 2;

export interface CounterService extends Resources {
  readonly slots: Slots;
  readonly log: Log;
  readonly silenceSeconds?: number;
}

interface StreamCall {
  readonly call: CounterCall;
  readonly service: CounterService;
  readonly admission: Admission;
  readonly incoming: Incoming;
  readonly log: Log;
}

type Beginning = Pick<CountingOptions, 'codec' | 'takenMicros' | 'checkpoint'>;

interface WelcomedCall extends StreamCall {
  readonly evictions: Evictions;
  /** Aborted when the call ends; its reason is the one to report. */
  readonly signal: AbortSignal;
  readonly end: (reason: unknown) => void;
}

/** Serves one call to its end. Never throws for what a stream or its agent does. */
export async function serveStream(call: CounterCall, service: CounterService): Promise<void> {
  const { slots, metrics, identities, silenceSeconds = SILENCE_SECONDS } = service;
  const incoming = new Incoming(call, silenceSeconds);
  const { signal } = incoming;
  let log = service.log;
  let admission: Admission | undefined;
  let gone = false;
  try {
    slots.limitRate(call);
    // Before the call takes a slot.
    const caller = identities && (await Caller.identify(identities, call.token, signal));
    slots.openCall(call);
    const hello = await readHello(incoming);
    // Before the Welcome, for a model may take longer to load than an agent waits without a heartbeat.
    void sendHeartbeats(call, signal);
    log = log.child({ stream: `${hello.stream?.namespace}/${hello.stream?.name}`, session: hello.session });
    admission = await admit({ hello, caller }, service, (stream) => slots.reserve(call, stream), signal);
    call.accept();
    metrics.setStreams(slots.streams);
    await serveAdmitted({ call, service, admission, incoming, log });
  } catch (error) {
    gone = signal.aborted || error instanceof AgentGone;
    if (gone) log.info({ reason: messageOf(error) }, 'the agent is gone');
    else await refuse(error, { call, service, admission, log });
  } finally {
    incoming.close();
    slots.release(call);
    metrics.setStreams(slots.streams);
    if (admission !== undefined) await release(admission, service, gone);
  }
}

async function serveAdmitted(streamCall: StreamCall): Promise<void> {
  const { call, service, admission, incoming } = streamCall;
  const ending = new AbortController();
  const end = (reason: unknown) => ending.abort(reason);
  const signal = AbortSignal.any([incoming.signal, admission.writer.lost, ending.signal]);
  const evictions = new Evictions(admission, { draining: service.draining, signal, onFault: end });
  welcome(call, admission).catch(end);
  try {
    const streamEnd = await resume({ ...streamCall, evictions, signal, end });
    await call.send(streamEnd === 'evicted' ? farewell(evictions, service) : { finished: {} });
    await pause(CLOSE_SECONDS, signal);
  } catch (error) {
    // Once the signal is aborted, its reason is the cause of this error.
    throw signal.aborted ? (signal.reason as unknown) : error;
  } finally {
    evictions.stop();
    end(new Error('the call is over'));
  }
}

async function welcome(call: CounterCall, { writer, hello }: Admission): Promise<void> {
  await call.send({ welcome: { term: writer.term, position: positionOf(writer.counts, hello.session) } });
}

/** Waits until there is video, and counts it. */
async function resume(welcomed: WelcomedCall): Promise<StreamEnd> {
  const { admission, incoming, evictions, signal, log } = welcomed;
  const message = await waitForResume(incoming, admission, { signal, eviction: evictions.signal });
  if (message === 'paused' || message === 'evicted') {
    reportEnd(welcomed, message);
    return message;
  }
  const { codec, takenMicros, checkpoint } = message;
  if (codec === null) throw new Refused('INVALID', 'The agent did not say how its video is coded.');
  const { writer, hello } = admission;
  const position = positionOf(writer.counts, hello.session);
  const hasCheckpoint = checkpoint.length > 0;
  log.info({ term: writer.term, position, resumed: hasCheckpoint }, 'stream taken');
  return count(welcomed, { codec, takenMicros, checkpoint: hasCheckpoint ? readCheckpoint(checkpoint, position) : undefined });
}

async function count(welcomed: WelcomedCall, beginning: Beginning): Promise<StreamEnd> {
  const { call, service, admission, incoming, log, evictions, signal, end } = welcomed;
  const { hello, streamState, caller, writer } = admission;
  const { metrics } = service;
  const labels = labelsOf(admission);
  const send = (message: CounterMessage) => call.send(message);
  const checkpointCommit = new CheckpointCommit(writer, send, hello.session, signal);
  const intake = new Intake({
    codec: beginning.codec,
    position: beginning.checkpoint?.analysis.position ?? checkpointCommit.position,
    send,
    onStored: (serial) => checkpointCommit.acknowledge(serial),
    onCamera: (camera) => streamState.reportCamera(camera),
    onIdentity: (token) => caller?.replace(token),
    onUnit: (unit) => metrics.countAccessUnit(labels, unit.data.length),
    onDecoded: (cpuMs) => metrics.observeDecoding(cpuMs),
  });
  const run = new CountingRun({
    admission,
    ...beginning,
    intake,
    checkpointCommit,
    send,
    evictions,
    reportEnd: (streamEnd) => reportEnd(welcomed, streamEnd),
    resources: service,
    labels,
    log,
  });
  // The intake runs until the call is over. Its failure ends the counting, and the end of the counting ends the intake.
  intake.run(incoming.messages, signal).then(() => end(new AgentGone('the agent left in the middle of the stream')), end);
  return run.run(signal);
}

function reportEnd({ admission, evictions }: WelcomedCall, streamEnd: StreamEnd): void {
  const { streamState } = admission;
  if (streamEnd === 'finished') return streamState.reportEnd('Ended');
  if (streamEnd === 'paused') return streamState.reportEnd('Disconnected', 'AgentPaused', 'The agent has stopped.');
  const { reason, sentence } = evictions.reason;
  streamState.reportEnd('Disconnected', reason, sentence);
}

/** The last message of an evicted stream. */
function farewell({ reason: { sentence, refusal } }: Evictions, { metrics }: CounterService): CounterMessage {
  if (refusal === undefined) return { goAway: { sentence } };
  metrics.countRefusal(refusal);
  return { refusal: { reason: refusal, sentence } };
}

async function refuse(
  error: unknown,
  { call, service, admission, log }: Pick<StreamCall, 'call' | 'service' | 'log'> & { admission: Admission | undefined },
): Promise<void> {
  const refusal = refusalOf(error);
  const failed = refusal.reason === 'REFUSAL_REASON_UNSPECIFIED';
  log[failed ? 'error' : 'warn'](refusal, 'stream refused');
  service.metrics.countRefusal(refusal.reason);
  await call.send({ refusal }).catch(() => undefined);
  // The stream does not exist, or its state is for another counter to report.
  if (refusal.reason === 'UNKNOWN_STREAM' || refusal.reason === 'FENCED') return;
  // An unauthenticated caller must not change the stream's state; an admitted one whose token became invalid is Disconnected.
  if (refusal.reason === 'UNAUTHORIZED') return admission?.streamState.reportEnd('Disconnected', 'AgentUnauthorized', refusal.sentence);
  if (failed) admission?.streamState.reportEnd('Disconnected', 'CounterFailed', refusal.sentence);
  else admission?.streamState.reportRefusal(refusal.reason, refusal.sentence);
}

/** After the call: releases what the stream holds, and reports an agent that does not come back. */
async function release(admission: Admission, { slots, metrics, draining }: CounterService, gone: boolean): Promise<void> {
  const { stream, followed, detector, writer, streamState } = admission;
  // Another call of the same stream may be counting already.
  if (!slots.has(stream)) await metrics.forget(labelsOf(admission));
  detector.release();
  await followed.close();
  if (gone) {
    await pause(RECONNECT_SECONDS, AbortSignal.any([writer.lost, draining]));
    streamState.reportEnd('Disconnected', 'AgentGone', 'The agent is gone.');
  }
  await writer.close();
}

function labelsOf({ stream: { namespace, name } }: Admission): { stream: string } {
  return { stream: `${namespace}/${name}` };
}
