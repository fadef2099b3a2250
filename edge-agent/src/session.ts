/**
 * The story of an edge agent: one camera, one session, whichever counter serves it.
 *
 * dial the best-ranked counter ─▶ exchange until it ends ─▶ moved: dial the next at once
 *                                                        ─▶ refused or cut: back off with jitter, dial the next
 *                                                        ─▶ superseded: be quiet for a minute, then a new session
 *                                                        ─▶ finished: done
 */
import { backoffSeconds, pause } from '#proto/backoff.ts';
import type { Log } from '#proto/log.ts';
import { type AgentCall, type RefusalReason, type StreamName } from '#proto/protocol.ts';
import type { Checkpoints } from './ring/checkpoints.ts';
import type { Recording } from './ring/recording.ts';
import type { Site } from './site/site.ts';
import { exchange, type Outcome } from './uplink/exchange.ts';
import { rankCounters } from './uplink/ranking.ts';

const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 15 };
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
  readonly counters: readonly string[];
  readonly dial: (address: string, signal: AbortSignal) => AgentCall;
  readonly recording: Recording;
  readonly checkpoints: Checkpoints;
  readonly site: Site;
  readonly log: Log;
  readonly newSessionId: () => string;
  readonly sessionStartMicros: number;
  /** Ends with the first refusal that does not pass by itself, instead of waiting for it to be mended. */
  readonly exitWhenUnusable: boolean;
  readonly random: () => number;
}

/** Runs until the source has ended and everything is committed, or the signal aborts. */
export async function runSession(session: Session, signal: AbortSignal): Promise<void> {
  const { log, site } = session;
  const ranked = rankCounters(session.stream.uid, session.counters);
  let id = session.newSessionId();
  let lastTerm = 0;
  let firstNumber = 1;
  let failures = 0;
  for (let turn = 0; !signal.aborted; turn += 1) {
    const address = ranked[turn % ranked.length]!;
    site.dialing(address);
    const outcome = await exchange(session.dial(address, signal), {
      ...session,
      session: id,
      lastTerm,
      firstNumber,
      onWelcome: (term) => {
        lastTerm = term;
        site.welcomed(address, term);
        log.info({ counter: address, session: id, term }, 'counter took the stream');
      },
      onSent: (unit) => site.sent(unit),
      onGap: (gap) => site.gap(gap),
      onCounts: (counts) => {
        failures = 0;
        site.counted(counts);
      },
    });
    if (outcome.kind === 'finished') return site.finished();
    if (signal.aborted) return;
    site.lost(outcome);
    log.warn({ counter: address, ...outcome }, 'counter no longer serves the stream');
    if (session.exitWhenUnusable && outcome.kind === 'refused' && !PASSING.has(outcome.reason)) {
      throw new Refused(outcome.reason, outcome.sentence);
    }
    if (isSuperseded(outcome)) {
      await pause(SUPERSEDED_QUIET_SECONDS, signal);
      id = session.newSessionId();
      lastTerm = 0;
      // Another session counted meanwhile: what this one has kept was seen by that one.
      firstNumber = session.recording.newestNumber + 1;
      session.checkpoints.clear();
    } else if (outcome.kind !== 'goAway') {
      failures += 1;
      // A full counter is no failure of its own: the next in rank is tried at once, the wait comes after a whole round.
      if (turn % ranked.length === ranked.length - 1) await pause(backoffSeconds(BACKOFF, failures, session.random()), signal);
    }
  }
}

function isSuperseded(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'SUPERSEDED';
}
