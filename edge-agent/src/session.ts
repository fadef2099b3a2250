/**
 * The story of an edge agent: one camera, one session, and the counter that serves it now.
 *
 * dial the next counter of the round ─▶ exchange until it ends ─▶ moved, refused or cut: dial the next
 *                                                              ─▶ superseded: be quiet for a minute, then a new session
 *                                                              ─▶ finished, or the agent leaves: done
 *
 * `uplink/rounds.ts` decides which counter is next, and after which wait; `uplink/exchange.ts` is one call, and how it ends.
 */
import { pause } from '#proto/process/backoff.ts';
import { type AgentCall, type RefusalReason, type StreamName } from '#proto/wire/protocol.ts';
import type { Checkpoints } from './ring/checkpoints.ts';
import type { Recording } from './ring/recording.ts';
import type { SessionState } from './ring/session-state.ts';
import type { CameraReport } from './uplink/camera-report.ts';
import type { Directory } from './uplink/directory.ts';
import { type CallOutcome, exchange } from './uplink/exchange.ts';
import type { Identity } from './uplink/identity.ts';
import { Rounds } from './uplink/rounds.ts';
import type { SessionObserver } from './uplink/session-observer.ts';

const SUPERSEDED_QUIET_SECONDS = 60;

/** Refusals that end without help; the user has to look into any other. */
const TRANSIENT: ReadonlySet<keyof typeof RefusalReason> = new Set(['FULL', 'DRAINING']);
/** Refusals of what the user gave: stream, model, video. */
const BAD_INPUT: ReadonlySet<keyof typeof RefusalReason> = new Set(['UNKNOWN_STREAM', 'MODEL_UNAVAILABLE', 'UNDECODABLE', 'UNAUTHORIZED']);

/** The stream cannot be counted until the user has fixed this. */
export class StreamRefused extends Error {
  readonly reason: keyof typeof RefusalReason;

  constructor(reason: keyof typeof RefusalReason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }

  get badInput(): boolean {
    return BAD_INPUT.has(this.reason);
  }
}

export interface Session {
  readonly stream: StreamName;
  readonly directory: Directory;
  /** @throws Error with a sentence when the agent's own side is not ready. */
  readonly dial: (address: string, signal: AbortSignal) => AgentCall;
  /** Absent where counters ask for no identity. */
  readonly identity?: Identity | undefined;
  readonly recording: Recording;
  /** Absent for recorded video. */
  readonly camera?: CameraReport | undefined;
  readonly checkpoints: Checkpoints;
  readonly state: SessionState;
  readonly observer: SessionObserver;
  /** Ends with the first refusal that is not transient, instead of trying again. */
  readonly exitWhenUnusable: boolean;
  readonly random: () => number;
  /** The source is a recording, and has no clock. */
  readonly recorded?: boolean;
  /** How long a counter may take to greet, and the agent to leave; see the exchange. */
  readonly greetingSeconds?: number;
  readonly leaveSeconds?: number;
  /** How long a superseded session stays silent. */
  readonly quietSeconds?: number;
}

/**
 * Runs until the source has ended and everything is committed, or until the signal aborts. Then a call that is under way
 * ends without losing what was counted: the same signal ends the recording, and the counter settles what was sent.
 */
export async function runSession(session: Session, signal: AbortSignal): Promise<void> {
  const { recording, state, observer, quietSeconds = SUPERSEDED_QUIET_SECONDS } = session;
  const over = new AbortController();
  const rounds = new Rounds({ ...session, uid: session.stream.uid, onNoCounter: observer.onNoCounter });
  try {
    for (;;) {
      const address = await rounds.next(signal);
      if (address === undefined) return;
      observer.onDial(address);
      const { id, lastTerm, firstNumber } = state.facts;
      const call = dial(session, address, over.signal);
      const outcome: CallOutcome =
        'kind' in call
          ? call
          : await exchange(call, {
              ...session,
              session: id,
              lastTerm,
              firstNumber,
              sessionStartMicros: state.startMicros,
              leaving: signal,
              onWelcome: (term) => {
                state.setTerm(term);
                observer.onWelcome({ address, session: id, term });
              },
              onCounts: (counts) => {
                rounds.served();
                observer.onCounts(counts);
              },
              onSuspect: observer.onSuspect,
              onSent: observer.onSent,
              onGap: observer.onGap,
            });
      if (outcome.kind === 'finished' && !outcome.paused) return observer.onFinished();
      if (signal.aborted) return observer.onLeft(address, outcome);
      observer.onLost(address, outcome);
      if (session.exitWhenUnusable && outcome.kind === 'refused' && !TRANSIENT.has(outcome.reason)) {
        throw new StreamRefused(outcome.reason, outcome.sentence);
      }
      if (isSuperseded(outcome)) {
        await pause(quietSeconds, signal);
        if (signal.aborted) return;
        // Another session counted meanwhile: it has seen what this one keeps.
        session.checkpoints.clear();
        state.renew(recording.newestNumber);
      }
    }
  } finally {
    over.abort(new Error('the session is over'));
  }
}

/** The call, or why there is none. */
function dial(session: Session, address: string, signal: AbortSignal): AgentCall | CallOutcome {
  try {
    return session.dial(address, signal);
  } catch (error) {
    return { kind: 'cut', sentence: (error as Error).message };
  }
}

function isSuperseded(outcome: CallOutcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'SUPERSEDED';
}
