/**
 * The story of an edge agent: one camera, one session, whichever counter serves it.
 *
 * dial the next counter of the round ─▶ exchange until it ends ─▶ moved, refused or cut: dial the next
 *                                                              ─▶ superseded: be quiet for a minute, then a new session
 *                                                              ─▶ finished, or the agent leaves: done
 *
 * Who is next, and after which wait, is for `uplink/rounds.ts`; what a call is, and how it is left, for `uplink/exchange.ts`.
 */
import { pause } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import type { AgentCall, RefusalReason, StreamName } from '#proto/wire/protocol.ts';
import type { Checkpoints } from './ring/checkpoints.ts';
import type { Recording } from './ring/recording.ts';
import type { SessionBook } from './ring/session-book.ts';
import type { Site } from './site/site.ts';
import type { CameraReport } from './uplink/camera-report.ts';
import type { Directory } from './uplink/directory.ts';
import { exchange, type Outcome } from './uplink/exchange.ts';
import type { Identity } from './uplink/identity.ts';
import { Rounds } from './uplink/rounds.ts';

const SUPERSEDED_QUIET_SECONDS = 60;

/** Refusals that pass by themselves; any other is for somebody to look into. */
const PASSING: ReadonlySet<keyof typeof RefusalReason> = new Set(['FULL', 'DRAINING']);
/** Refusals for what the user gave: stream, model, video. */
const BAD_INPUT: ReadonlySet<keyof typeof RefusalReason> = new Set(['UNKNOWN_STREAM', 'MODEL_UNAVAILABLE', 'UNDECODABLE', 'UNAUTHORIZED']);

/** What somebody has to mend before this stream can be counted. */
export class Refused extends Error {
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
  /** @throws Error with a sentence when it cannot even be tried. */
  readonly dial: (address: string, signal: AbortSignal) => AgentCall;
  /** Absent where counters ask nobody who they are. */
  readonly identity?: Identity | undefined;
  readonly recording: Recording;
  /** Absent for a file. */
  readonly camera?: CameraReport | undefined;
  readonly checkpoints: Checkpoints;
  readonly site: Site;
  readonly log: Log;
  readonly book: SessionBook;
  /** Ends with the first refusal that does not pass by itself, instead of waiting for it to be mended. */
  readonly exitWhenUnusable: boolean;
  readonly random: () => number;
  /** How long a counter may take to greet, and the agent to leave; see the exchange. */
  readonly greetingSeconds?: number;
  readonly leaveSeconds?: number;
  /** How long a session that another one has taken over from says nothing. */
  readonly quietSeconds?: number;
}

/**
 * Runs until the source has ended and everything is committed, or until the signal aborts: then the call at hand, if
 * there is one, is brought to an end in which nothing that was counted is lost, for as long as a recording that was
 * left by the same signal and a counter that settles may take.
 */
export async function runSession(session: Session, signal: AbortSignal): Promise<void> {
  const { recording, log, site, book, quietSeconds = SUPERSEDED_QUIET_SECONDS } = session;
  const over = new AbortController();
  const rounds = new Rounds({ ...session, uid: session.stream.uid, onNobody: (sentence) => foundNobody(session, sentence) });
  try {
    for (;;) {
      const address = await rounds.next(signal);
      if (address === undefined) return;
      site.dialing(address);
      const { id, lastTerm, firstNumber } = book.facts;
      const call = dialOrWhyNot(session, address, over.signal);
      const outcome: Outcome =
        'kind' in call
          ? call
          : await exchange(call, {
              ...session,
              session: id,
              lastTerm,
              firstNumber,
              sessionStartMicros: book.startMicros,
              leaving: signal,
              onWelcome: (term) => {
                book.welcomed(term);
                site.welcomed(address, term);
                log.info({ counter: address, session: id, term }, 'counter took the stream');
              },
              onSuspect: (suspect) => site.suspect(suspect),
              onSent: (unit) => site.sent(unit),
              onGap: (gap) => site.gap(gap),
              onCounts: (counts) => {
                rounds.served();
                site.counted(counts);
              },
            });
      if (outcome.kind === 'finished' && !outcome.paused) return site.finished();
      if (signal.aborted) return log.info({ counter: address, ...outcome }, 'the agent has left its counter');
      site.lost(outcome);
      log.warn({ counter: address, ...outcome }, 'counter no longer serves the stream');
      if (session.exitWhenUnusable && outcome.kind === 'refused' && !PASSING.has(outcome.reason)) {
        throw new Refused(outcome.reason, outcome.sentence);
      }
      if (isSuperseded(outcome)) {
        await pause(quietSeconds, signal);
        if (signal.aborted) return;
        // Another session counted meanwhile: what this one has kept was seen by that one.
        session.checkpoints.clear();
        book.renew(recording.newestNumber);
      }
    }
  } finally {
    over.abort(new Error('the session is over'));
  }
}

function dialOrWhyNot({ dial }: Session, address: string, signal: AbortSignal): AgentCall | Outcome {
  try {
    return dial(address, signal);
  } catch (error) {
    return { kind: 'cut', sentence: (error as Error).message };
  }
}

function foundNobody({ site, log }: Session, sentence: string): void {
  site.foundNobody(sentence);
  log.warn({ sentence }, 'there is no counter');
}

function isSuperseded(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'SUPERSEDED';
}
