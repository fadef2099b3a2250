/**
 * Who a call is by, for as long as it lasts:
 *
 *   token ──reviewed──▶ known ──hello of its own stream──▶ served ──every few minutes, or with a new token──▶ reviewed again
 *     └──no──▶ refused    └──of another──▶ refused            └──no, or its token has ended unreviewed──▶ settled, sent away
 *
 * An API server that is away costs no agent its stream before its token ends.
 */
import { agentUser } from '#crds/identity.ts';
import { pause } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { Eviction } from '../specs/eviction.ts';
import { Refused } from '../refusal.ts';
import type { TokenReviews } from './reviews.ts';
import { type Token, unauthorized } from './token.ts';

/** An agent that is not greeted within five seconds tries another counter. */
const PATIENCE_SECONDS = 4;
/** Spread, so that streams that came together are not looked at together. */
const REVIEW_SECONDS = { least: 180, most: 300 };
/** Also of an agent that replaces its token all the time. */
const SHORTEST_SECONDS = 1;
const UNANSWERED_SECONDS = 15;

export interface CallerOptions {
  readonly reviews: TokenReviews;
  readonly random?: () => number;
  readonly reviewSeconds?: { readonly least: number; readonly most: number };
}

export class Caller {
  readonly #options: CallerOptions;
  readonly #user: string;
  readonly #replaced = new ConditionVariable();
  #token: Token;
  /** The newest one, until it is looked at. */
  #offered: string | undefined;

  private constructor(options: CallerOptions, token: Token, user: string) {
    this.#options = options;
    this.#token = token;
    this.#user = user;
  }

  /** @throws Refused UNAUTHORIZED; LEDGER_UNAVAILABLE when it cannot be found out in time; the signal's reason. */
  static async identify(options: CallerOptions, text: string | undefined, signal: AbortSignal): Promise<Caller> {
    const token = options.reviews.read(text);
    const user = await options.reviews.userOf(token, signal, PATIENCE_SECONDS);
    if (user === undefined) throw refusedToken();
    return new Caller(options, token, user);
  }

  /** @throws Refused UNAUTHORIZED unless it is the agent of this stream. */
  requireAgentOf(stream: StreamName): void {
    if (this.#user !== agentUser(stream))
      throw unauthorized(`${this.#user} is not the agent of CameraStream ${stream.namespace}/${stream.name}.`);
  }

  /** The agent has a new token. */
  replace(text: string): void {
    this.#offered = text;
    this.#replaced.notify();
  }

  /** Resolves when the agent is not to be served any more. @throws the signal's reason. */
  async eviction(signal: AbortSignal): Promise<Eviction> {
    const { random = Math.random, reviewSeconds: { least, most } = REVIEW_SECONDS } = this.#options;
    let wait = least + (most - least) * random();
    for (;;) {
      await this.#untilReview(wait, signal);
      try {
        await this.#reviewAgain();
        wait = least + (most - least) * random();
      } catch (error) {
        if (error instanceof Refused && error.reason === 'UNAUTHORIZED')
          return { reason: 'AgentUnauthorized', sentence: error.message, refusal: 'UNAUTHORIZED' };
        wait = UNANSWERED_SECONDS;
      }
    }
  }

  /** Until it is time, the token ends, or there is another one. */
  async #untilReview(seconds: number, signal: AbortSignal): Promise<void> {
    await pause(SHORTEST_SECONDS, signal);
    signal.throwIfAborted();
    if (this.#offered !== undefined) return;
    const left = this.#token.endsAt - this.#options.reviews.now();
    const due = AbortSignal.timeout(Math.ceil(Math.max(0, Math.min(seconds - SHORTEST_SECONDS, left)) * 1000));
    await this.#replaced.wait(AbortSignal.any([signal, due])).catch(() => signal.throwIfAborted());
  }

  /** @throws Refused UNAUTHORIZED; anything else when there is no answer. */
  async #reviewAgain(): Promise<void> {
    const { reviews } = this.#options;
    const offered = this.#offered;
    const token = reviews.read(offered ?? this.#token.text);
    if ((await reviews.ask(token)) !== this.#user) throw refusedToken();
    this.#token = token;
    if (this.#offered === offered) this.#offered = undefined;
  }
}

function refusedToken(): Refused {
  return unauthorized("The API server does not know the caller's token: it has expired, or its pod is gone.");
}
