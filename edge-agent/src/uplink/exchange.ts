/**
 * One call to one counter, from Hello to its end.
 *
 *   greeting ──Welcome──▶ serving ──GoAway/Refusal/cut──▶ over (the session dials again)
 *       └──Refusal/cut──▶ over   └──Finished──▶ done
 *
 * Tasks share the call: one sends the log as credit allows, one takes what the counter says, and the end of either ends
 * the others: those that tell how the camera does, and of a token that was replaced.
 *
 * When the agent leaves, a call that is not welcomed yet is over. One that serves goes on until the recording, which
 * is left too, has been sent to its end and the counter has settled it, but no longer than LEAVE_SECONDS.
 */
import { sendHeartbeats } from '#proto/wire/heartbeat.ts';
import type { AgentCall, CountsMessage, FromCounter, RefusalReason, StreamName } from '#proto/wire/protocol.ts';
import { Watchdog } from '#proto/wire/watchdog.ts';
import type { Checkpoints } from '../ring/checkpoints.ts';
import type { Gap, NumberedUnit, Recording } from '../ring/recording.ts';
import { Allowance } from './allowance.ts';
import type { CameraReport } from './camera-report.ts';
import type { Identity } from './identity.ts';
import { sendLog } from './sending.ts';
import { Silence } from './silence.ts';

/** For whoever answers at all. An address where nobody is any more may swallow what is sent there, and say nothing. */
const GREETING_SECONDS = 5;
/** A counter needs about one second to settle what is under way; its pod is given 20 s to end. */
const LEAVE_SECONDS = 8;

export type Outcome =
  /** Everything that was sent is committed: to the source's end, or, when paused, to where the agent left it. */
  | { readonly kind: 'finished'; readonly paused: boolean }
  | { readonly kind: 'goAway'; readonly sentence: string }
  | { readonly kind: 'refused'; readonly reason: keyof typeof RefusalReason; readonly sentence: string }
  | { readonly kind: 'cut'; readonly sentence: string };

export interface Exchange {
  readonly stream: StreamName;
  readonly session: string;
  readonly lastTerm: number;
  /** Where the session's log begins: what lies before it belongs to another one. */
  readonly firstNumber: number;
  readonly sessionStartMicros: number;
  readonly recording: Recording;
  readonly checkpoints: Checkpoints;
  /** Absent for a file. */
  readonly camera?: CameraReport | undefined;
  /** Absent where counters ask nobody who they are. */
  readonly identity?: Pick<Identity, 'tokens'> | undefined;
  /** Aborted when the agent leaves. */
  readonly leaving: AbortSignal;
  readonly greetingSeconds?: number;
  readonly leaveSeconds?: number;
  readonly suspectSeconds?: number;
  readonly silenceSeconds?: number;
  /** The counter has said nothing for a while, or speaks again. */
  readonly onSuspect: (suspect: boolean) => void;
  /** An Error that it throws ends the call. */
  readonly onWelcome: (term: number) => void;
  readonly onSent: (unit: NumberedUnit) => void;
  readonly onGap: (gap: Gap) => void;
  readonly onCounts: (counts: CountsMessage) => void;
}

type Welcome = Extract<FromCounter, { kind: 'welcome' }>;

/** Runs the call to its end. Throws only what the recording throws: a source that cannot be read. */
export async function exchange(call: AgentCall, side: Exchange): Promise<Outcome> {
  const incoming = call.messages[Symbol.asyncIterator]();
  try {
    const greeting = await greet(call, side, incoming);
    if (greeting.kind !== 'welcome') return greeting;
    try {
      side.onWelcome(greeting.value.term);
    } catch (error) {
      return cut(error);
    }
    return await serve(call, side, incoming, greeting.value);
  } finally {
    call.cancel();
  }
}

async function greet(call: AgentCall, side: Exchange, incoming: AsyncIterator<FromCounter>): Promise<Welcome | Outcome> {
  const { stream, session, lastTerm, sessionStartMicros, leaving, greetingSeconds = GREETING_SECONDS } = side;
  const hangUp = new HangUp(call);
  const nobody = (why: string) => `No counter answers at ${call.peer}: ${why}`;
  const patience = new Watchdog(greetingSeconds, () => hangUp.because(nobody(`there is no greeting after ${greetingSeconds} s.`)));
  const leave = () => hangUp.because('the agent leaves');
  leaving.addEventListener('abort', leave, { once: true });
  if (leaving.aborted) leave();
  try {
    await call.send({ hello: { stream, session, lastTerm, sessionStartMicros } });
    for (;;) {
      const message = await nextMessage(incoming, patience);
      if (message?.kind === 'welcome') return message;
      if (message?.kind === 'refusal') return refused(message.value);
      if (message?.kind !== 'heartbeat') return { kind: 'cut', sentence: nobody('what answers there does not greet.') };
    }
  } catch (error) {
    return hangUp.outcome ?? { kind: 'cut', sentence: nobody(messageOf(error)) };
  } finally {
    patience.stop();
    leaving.removeEventListener('abort', leave);
  }
}

async function serve(call: AgentCall, side: Exchange, incoming: AsyncIterator<FromCounter>, welcome: Welcome['value']): Promise<Outcome> {
  const { leaving, leaveSeconds = LEAVE_SECONDS, suspectSeconds, silenceSeconds, onSuspect } = side;
  const hangUp = new HangUp(call);
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, call.signal]);
  const onSilence = (seconds: number) => hangUp.because(`the counter said nothing for ${seconds} s`);
  const silence = new Silence({ suspectSeconds, silenceSeconds, onSuspect, onSilence });
  const stopLimiting = limitLeaving(leaving, leaveSeconds, () =>
    hangUp.because(`the counter had not settled everything after ${leaveSeconds} s`),
  );
  const allowance = new Allowance();
  let sourceFault: unknown;
  let paused = false;
  const sending = sendLog(call, side, welcome.position, allowance, signal).then(
    (sent) => {
      paused = sent === 'paused';
      if (sent === 'nothing') hangUp.because('there was nothing to settle');
      if (sent === 'broken off') hangUp.because('what was to be replayed has left the ring');
    },
    (error: unknown) => {
      if (signal.aborted) return;
      sourceFault = error;
      call.cancel();
    },
  );
  const telling = [
    tell(side.camera?.follow(signal), (condition) => call.send({ camera: { ...condition } }), signal),
    tell(side.identity?.tokens(signal), (token) => call.send({ identity: { token } }), signal),
  ];
  const beating = sendHeartbeats(call, signal);
  try {
    const outcome = await receive(call, side, incoming, allowance, silence).catch((error: unknown) => hangUp.outcome ?? cut(error));
    if (sourceFault !== undefined) throw sourceFault;
    return outcome === 'finished' ? { kind: 'finished', paused } : outcome;
  } finally {
    silence.stop();
    stopLimiting();
    over.abort(new Error('the call is over'));
    call.cancel();
    await Promise.all([sending, ...telling, beating]);
  }
}

/** Before the Resume, too, which waits for a camera that may never come. */
async function tell<T>(news: AsyncIterable<T> | undefined, send: (one: T) => Promise<void>, signal: AbortSignal): Promise<void> {
  if (news === undefined) return;
  try {
    for await (const one of news) await send(one);
  } catch (error) {
    // A call that breaks is noticed by whoever reads it.
    if (!signal.aborted) throw error;
  }
}

async function receive(
  call: AgentCall,
  side: Exchange,
  incoming: AsyncIterator<FromCounter>,
  allowance: Allowance,
  silence: Silence,
): Promise<Outcome | 'finished'> {
  for (;;) {
    const message = await nextMessage(incoming, silence);
    switch (message?.kind) {
      case undefined:
        return { kind: 'cut', sentence: 'the counter ended the call' };
      case 'credit':
        allowance.grant(message.value);
        break;
      case 'counts':
        side.onCounts(message.value);
        break;
      case 'storeCheckpoint': {
        const { serial, position, presentationMicros, checkpoint } = message.value;
        side.checkpoints.store({ serial, position, presentationMicros, state: checkpoint });
        // Behind a large picture on a slow link it takes its time, in which the counter is still to be heard.
        call.send({ checkpointStored: { serial } }).catch(() => undefined);
        break;
      }
      case 'release': {
        const settled = side.checkpoints.release(message.value.serial);
        if (settled) side.recording.release(settled.presentationMicros);
        break;
      }
      case 'refusal':
        return refused(message.value);
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

/** A call that is ended from here, with the reason: the transport would only say that it was cancelled. */
class HangUp {
  readonly #call: AgentCall;
  #outcome: Outcome | undefined;

  constructor(call: AgentCall) {
    this.#call = call;
  }

  /** None while the call was not ended from here. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  because(sentence: string): void {
    this.#outcome ??= { kind: 'cut', sentence };
    this.#call.cancel();
  }
}

/** Acts some seconds after the signal has aborted; returns what keeps it from acting. */
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

function refused(refusal: { reason: keyof typeof RefusalReason; sentence: string }): Outcome {
  return { kind: 'refused', reason: refusal.reason, sentence: refusal.sentence };
}

function cut(error: unknown): Outcome {
  return { kind: 'cut', sentence: messageOf(error) };
}

/** gRPC's own words come with a status code before them. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'details' in error && typeof error.details === 'string' && error.details !== '' ? error.details : error.message;
}
