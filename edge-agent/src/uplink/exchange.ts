/**
 * One call to one counter, from Hello to its end.
 *
 *   greeting ──Welcome──▶ serving ──GoAway/Refusal/cut──▶ over (the session dials again)
 *       └──Refusal/cut──▶ over   └──Finished──▶ done
 *
 * Tasks share the call: one sends the log as credit allows, one receives, and the end of either ends the others, which
 * report the camera's condition and replaced tokens.
 *
 * When the agent leaves, a call without a Welcome is over. One that serves goes on until the recording, which the same
 * signal ends, has been sent and the counter has settled it, but no longer than LEAVE_SECONDS.
 */
import { sendHeartbeats } from '#proto/wire/heartbeat.ts';
import type { AgentCall, CountsMessage, FromCounter, RefusalReason, StreamName } from '#proto/wire/protocol.ts';
import { Watchdog } from '#proto/wire/watchdog.ts';
import type { Checkpoints } from '../ring/checkpoints.ts';
import type { Gap, NumberedUnit, Recording } from '../ring/recording.ts';
import type { CameraReport } from './camera-report.ts';
import { Credit } from './credit.ts';
import type { Identity } from './identity.ts';
import { sendLog } from './sending.ts';
import { Silence } from './silence.ts';

/** An address that a counter has left may accept a connection, and never answer. */
const GREETING_SECONDS = 5;
/** A counter settles a call in about one second; the agent's pod has 20 s to end. */
const LEAVE_SECONDS = 8;

export type CallOutcome =
  /** Everything that was sent is committed: to the source's end, or, when paused, to where the agent stopped reading. */
  | { readonly kind: 'finished'; readonly paused: boolean }
  | { readonly kind: 'goAway'; readonly sentence: string }
  | { readonly kind: 'refused'; readonly reason: keyof typeof RefusalReason; readonly sentence: string }
  | { readonly kind: 'cut'; readonly sentence: string };

export interface Exchange {
  readonly stream: StreamName;
  readonly session: string;
  readonly lastTerm: number;
  /** Where the session's log begins: earlier numbers belong to another session. */
  readonly firstNumber: number;
  readonly sessionStartMicros: number;
  /** The source is a recording: the clock says nothing of when its pictures were made. */
  readonly recorded?: boolean;
  readonly recording: Recording;
  readonly checkpoints: Checkpoints;
  /** Absent for recorded video. */
  readonly camera?: CameraReport | undefined;
  /** Absent where counters ask for no identity. */
  readonly identity?: Pick<Identity, 'tokens'> | undefined;
  /** Aborted when the agent leaves. */
  readonly leaving: AbortSignal;
  readonly greetingSeconds?: number;
  readonly leaveSeconds?: number;
  readonly suspectSeconds?: number;
  readonly silenceSeconds?: number;
  /** The counter is silent, or speaks again. */
  readonly onSuspect: (suspect: boolean) => void;
  /** It may throw an Error, which ends the call. */
  readonly onWelcome: (term: number) => void;
  readonly onSent: (unit: NumberedUnit) => void;
  readonly onGap: (gap: Gap) => void;
  readonly onCounts: (counts: CountsMessage) => void;
}

type Welcome = Extract<FromCounter, { kind: 'welcome' }>;

/** Runs the call to its end. Throws only what the recording throws: a source that cannot be read. */
export async function exchange(call: AgentCall, side: Exchange): Promise<CallOutcome> {
  const incoming = call.messages[Symbol.asyncIterator]();
  try {
    const greeting = await greet(call, side, incoming);
    if (greeting.kind !== 'welcome') return greeting;
    try {
      side.onWelcome(greeting.value.term);
    } catch (error) {
      return cutBy(error);
    }
    return await serve(call, side, incoming, greeting.value);
  } finally {
    call.cancel();
  }
}

async function greet(call: AgentCall, side: Exchange, incoming: AsyncIterator<FromCounter>): Promise<Welcome | CallOutcome> {
  const { stream, session, lastTerm, sessionStartMicros, recorded = false, leaving, greetingSeconds = GREETING_SECONDS } = side;
  const hangUp = new HangUp(call);
  const noCounter = (why: string) => `No counter answers at ${call.peer}: ${why}`;
  const patience = new Watchdog(greetingSeconds, () => hangUp.because(noCounter(`there is no greeting after ${greetingSeconds} s.`)));
  const leave = () => hangUp.because('the agent leaves');
  leaving.addEventListener('abort', leave, { once: true });
  if (leaving.aborted) leave();
  try {
    await call.send({ hello: { stream, session, lastTerm, sessionStartMicros, recorded } });
    for (;;) {
      const message = await nextMessage(incoming, patience);
      if (message?.kind === 'welcome') return message;
      if (message?.kind === 'refusal') return refusal(message.value);
      if (message?.kind !== 'heartbeat') return { kind: 'cut', sentence: noCounter('what answers there does not greet.') };
    }
  } catch (error) {
    return hangUp.outcome ?? { kind: 'cut', sentence: noCounter(messageOf(error)) };
  } finally {
    patience.stop();
    leaving.removeEventListener('abort', leave);
  }
}

async function serve(
  call: AgentCall,
  side: Exchange,
  incoming: AsyncIterator<FromCounter>,
  welcome: Welcome['value'],
): Promise<CallOutcome> {
  const { leaving, leaveSeconds = LEAVE_SECONDS, suspectSeconds, silenceSeconds, onSuspect } = side;
  const hangUp = new HangUp(call);
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, call.signal]);
  const onSilence = (seconds: number) => hangUp.because(`the counter said nothing for ${seconds} s`);
  const silence = new Silence({ suspectSeconds, silenceSeconds, onSuspect, onSilence });
  const stopLimiting = limitLeaving(leaving, leaveSeconds, () =>
    hangUp.because(`the counter had not settled everything after ${leaveSeconds} s`),
  );
  const credit = new Credit();
  let sourceFault: unknown;
  let paused = false;
  const sending = sendLog(call, side, welcome.position, credit, signal).then(
    (sent) => {
      paused = sent === 'paused';
      if (sent === 'nothing') hangUp.because('there was nothing to settle');
      if (sent === 'incomplete') hangUp.because('the ring no longer holds what must be replayed');
    },
    (error: unknown) => {
      if (signal.aborted) return;
      sourceFault = error;
      call.cancel();
    },
  );
  const reporting = [
    report(side.camera?.follow(signal), (condition) => call.send({ camera: { ...condition } }), signal),
    report(side.identity?.tokens(signal), (token) => call.send({ identity: { token } }), signal),
  ];
  const beating = sendHeartbeats(call, signal);
  try {
    const outcome = await receive(call, side, incoming, credit, silence).catch((error: unknown) => hangUp.outcome ?? cutBy(error));
    if (sourceFault !== undefined) throw sourceFault;
    return outcome === 'finished' ? { kind: 'finished', paused } : outcome;
  } finally {
    silence.stop();
    stopLimiting();
    over.abort(new Error('the call is over'));
    call.cancel();
    await Promise.all([sending, ...reporting, beating]);
  }
}

/** Does not wait for the Resume, which waits for the camera's first access unit. */
async function report<T>(news: AsyncIterable<T> | undefined, send: (one: T) => Promise<void>, signal: AbortSignal): Promise<void> {
  if (news === undefined) return;
  try {
    for await (const one of news) await send(one);
  } catch (error) {
    // The receiving task notices that a call breaks.
    if (!signal.aborted) throw error;
  }
}

async function receive(
  call: AgentCall,
  side: Exchange,
  incoming: AsyncIterator<FromCounter>,
  credit: Credit,
  silence: Silence,
): Promise<CallOutcome | 'finished'> {
  for (;;) {
    const message = await nextMessage(incoming, silence);
    switch (message?.kind) {
      case undefined:
        return { kind: 'cut', sentence: 'the counter ended the call' };
      case 'credit':
        credit.grant(message.value);
        break;
      case 'counts':
        side.onCounts(message.value);
        break;
      case 'storeCheckpoint': {
        const { serial, position, presentationMicros, checkpoint } = message.value;
        side.checkpoints.store({ serial, position, presentationMicros, state: checkpoint });
        // Not awaited: behind a large picture on a slow link it takes long, and the counter must be heard meanwhile.
        call.send({ checkpointStored: { serial } }).catch(() => undefined);
        break;
      }
      case 'release': {
        const settled = side.checkpoints.release(message.value.serial);
        if (settled) side.recording.release(settled.presentationMicros);
        break;
      }
      case 'refusal':
        return refusal(message.value);
      case 'goAway':
        return { kind: 'goAway', sentence: message.value.sentence };
      case 'finished':
        call.finish();
        return 'finished';
      case 'heartbeat':
      case 'welcome':
        break;
    }
  }
}

async function nextMessage(incoming: AsyncIterator<FromCounter>, listener: { reset(): void }): Promise<FromCounter | undefined> {
  const result = await incoming.next();
  listener.reset();
  return result.done ? undefined : result.value;
}

/** Ends a call with a reason: the transport would say only that it was cancelled. */
class HangUp {
  readonly #call: AgentCall;
  #outcome: CallOutcome | undefined;

  constructor(call: AgentCall) {
    this.#call = call;
  }

  /** Undefined unless this ended the call. */
  get outcome(): CallOutcome | undefined {
    return this.#outcome;
  }

  because(sentence: string): void {
    this.#outcome ??= { kind: 'cut', sentence };
    this.#call.cancel();
  }
}

/** Acts some seconds after the signal has aborted; returns a function that prevents it. */
function limitLeaving(leaving: AbortSignal, seconds: number, act: () => void): () => void {
  let limit: Watchdog | undefined;
  const begin = () => (limit = new Watchdog(seconds, act));
  if (leaving.aborted) begin();
  else leaving.addEventListener('abort', begin, { once: true });
  return () => {
    leaving.removeEventListener('abort', begin);
    limit?.stop();
  };
}

function refusal(message: { reason: keyof typeof RefusalReason; sentence: string }): CallOutcome {
  return { kind: 'refused', reason: message.reason, sentence: message.sentence };
}

function cutBy(error: unknown): CallOutcome {
  return { kind: 'cut', sentence: messageOf(error) };
}

/** gRPC's message begins with a status code, its details do not. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'details' in error && typeof error.details === 'string' && error.details !== '' ? error.details : error.message;
}
