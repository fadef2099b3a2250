/**
 * The authenticated agent of a call, for as long as the call lasts:
 *
 *   token ──review──▶ known ──hello for its own stream──▶ served ──every few minutes, or new token──▶ review again
 *     └─invalid─▶ refused └─for another stream─▶ refused      └──invalid, or expired without an answer──▶ evicted
 *
 * While the API server is away, an agent keeps its stream until its token expires.
 */
import { agentUser } from '#crds/identity.ts';
import { pause } from '#proto/process/backoff.ts';
import { ConditionVariable } from '#proto/process/condition-variable.ts';
import type { StreamName } from '#proto/wire/protocol.ts';
import type { Eviction } from '../specs/eviction.ts';
import { Refused } from '../refusal.ts';
import type { TokenReviews } from './reviews.ts';
import { type Token, unauthorized } from './token.ts';

/** An agent that has no Welcome within five seconds dials another counter. */
const PATIENCE_SECONDS = 4;
/** Random in between, so that agents that called at the same time are not reviewed at the same time. */
const REVIEW_SECONDS = { least: 180, most: 300 };
/** Between two reviews, also where an agent sends new tokens all the time. */
const LEAST_SECONDS = 1;
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
  /** The newest token that the agent has sent, until it is reviewed. */
  #newToken: string | undefined;

  private constructor(options: CallerOptions, token: Token, user: string) {
    this.#options = options;
    this.#token = token;
    this.#user = user;
  }

  /** @throws Refused UNAUTHORIZED; LEDGER_UNAVAILABLE when the API server does not answer in time; the signal's reason. */
  static async identify(options: CallerOptions, text: string | undefined, signal: AbortSignal): Promise<Caller> {
    const token = options.reviews.read(text);
    const user = await options.reviews.userOf(token, signal, PATIENCE_SECONDS);
    if (user === undefined) throw invalidToken();
    return new Caller(options, token, user);
  }

  /** @throws Refused UNAUTHORIZED unless the caller is the agent of this stream. */
  requireAgentOf(stream: StreamName): void {
    if (this.#user !== agentUser(stream))
      throw unauthorized(`${this.#user} is not the agent of CameraStream ${stream.namespace}/${stream.name}.`);
  }

  /** The agent has sent a new token. */
  replace(text: string): void {
    this.#newToken = text;
    this.#replaced.notify();
  }

  /** Resolves when the agent's token is no longer valid. @throws the signal's reason. */
  async waitForEviction(signal: AbortSignal): Promise<Eviction> {
    const { random = Math.random, reviewSeconds: { least, most } = REVIEW_SECONDS } = this.#options;
    let wait = least + (most - least) * random();
    for (;;) {
      await this.#waitForReview(wait, signal);
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

  /** Resolves when the time has passed, the token expires, or the agent has sent a new one. */
  async #waitForReview(seconds: number, signal: AbortSignal): Promise<void> {
    await pause(LEAST_SECONDS, signal);
    signal.throwIfAborted();
    if (this.#newToken !== undefined) return;
    const left = this.#token.endsAt - this.#options.reviews.now();
    const due = AbortSignal.timeout(Math.ceil(Math.max(0, Math.min(seconds - LEAST_SECONDS, left)) * 1000));
    await this.#replaced.wait(AbortSignal.any([signal, due])).catch(() => signal.throwIfAborted());
  }

  /** @throws Refused UNAUTHORIZED; any other error when the API server gives no answer. */
  async #reviewAgain(): Promise<void> {
    const { reviews } = this.#options;
    const newToken = this.#newToken;
    const token = reviews.read(newToken ?? this.#token.text);
    if ((await reviews.review(token)) !== this.#user) throw invalidToken();
    this.#token = token;
    if (this.#newToken === newToken) this.#newToken = undefined;
  }
}

function invalidToken(): Refused {
  return unauthorized("The API server does not know the caller's token: it has expired, or its pod is gone.");
}
