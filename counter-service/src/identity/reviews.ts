/**
 * Asks the API server which user a token belongs to (TokenReview).
 *
 * Bounds: a user is cached for a minute, an invalid token for ten seconds, at most MOST_CACHED answers, by a hash of the
 * token and never by the token. Each token has one pending review, all tokens together MOST_PENDING. A failed review says
 * nothing about the token: it is repeated as long as the caller of `userOf` allows.
 */
import { createHash } from 'node:crypto';
import { type ApiFault, type ApiServer, type KubernetesObject, resources, type V1TokenReview } from '#crds/cluster/api.ts';
import { COUNTER_AUDIENCE } from '#crds/identity.ts';
import { waitBackoff } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import { Refused } from '../refusal.ts';
import { readToken, type Token } from './token.ts';

const CACHE_SECONDS = { yes: 60, no: 10 };
const MOST_CACHED = 1024;
const MOST_PENDING = 64;
const ANSWER_MS = 10_000;
const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 2 };

/** The user's name; undefined when the token is invalid. */
type Answer = string | undefined;

export interface ReviewsOptions {
  readonly api: Pick<ApiServer, 'create'>;
  readonly log: Log;
  /** Seconds since 1970. */
  readonly now?: () => number;
}

export class TokenReviews {
  readonly #options: ReviewsOptions;
  /** By the hash of the token, oldest first. */
  readonly #cache = new Map<string, { readonly answer: Answer; readonly until: number }>();
  readonly #pending = new Map<string, Promise<Answer>>();

  constructor(options: ReviewsOptions) {
    this.#options = options;
  }

  /** Seconds since 1970. */
  now(): number {
    return (this.#options.now ?? (() => Date.now() / 1000))();
  }

  /** @throws Refused UNAUTHORIZED when the token cannot be an agent's. */
  read(text: string | undefined): Token {
    return readToken(text, this.now());
  }

  /** The cached answer, or the next one. @throws Refused LEDGER_UNAVAILABLE when none comes in time; the signal's reason. */
  async userOf(token: Token, signal: AbortSignal, patienceSeconds: number): Promise<Answer> {
    const key = keyOf(token);
    const cached = this.#cache.get(key);
    if (cached !== undefined && cached.until > this.now()) return cached.answer;
    const late = AbortSignal.any([signal, AbortSignal.timeout(patienceSeconds * 1000)]);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await unlessAborted(this.review(token), late);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Refused) throw error;
        if (late.aborted) throw new Refused('LEDGER_UNAVAILABLE', 'The API server does not say who the caller is.');
        await waitBackoff(BACKOFF, attempt, late);
      }
    }
  }

  /** Asks the API server, whatever is cached. @throws Refused FULL; ApiFault when the API server gives no answer. */
  async review(token: Token): Promise<Answer> {
    const key = keyOf(token);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    if (this.#pending.size >= MOST_PENDING) throw new Refused('FULL', 'Too many callers are being authenticated already.');
    const request = this.#requestReview(token).finally(() => this.#pending.delete(key));
    this.#pending.set(key, request);
    const answer = await request;
    this.#cache.delete(key);
    if (this.#cache.size >= MOST_CACHED) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(key, {
      answer,
      until: Math.min(this.now() + (answer === undefined ? CACHE_SECONDS.no : CACHE_SECONDS.yes), token.endsAt),
    });
    return answer;
  }

  async #requestReview({ text }: Token): Promise<Answer> {
    const { api, log } = this.#options;
    const { apiVersion, kind } = resources.tokenReviews;
    const review = { apiVersion, kind, spec: { token: text, audiences: [COUNTER_AUDIENCE] } };
    try {
      const { status } = await api.create<KubernetesObject & Pick<V1TokenReview, 'spec' | 'status'>>(
        resources.tokenReviews,
        review,
        AbortSignal.timeout(ANSWER_MS),
      );
      // An API server that does not support audiences returns none: the token is then for the API server itself.
      const ours = status?.authenticated === true && status.audiences?.includes(COUNTER_AUDIENCE) === true;
      return ours ? status.user?.username : undefined;
    } catch (error) {
      const { code, reason } = error as Partial<ApiFault>;
      log.warn({ code, reason }, 'a token was not reviewed');
      throw error;
    }
  }
}

function keyOf({ text }: Token): string {
  return createHash('sha256').update(text).digest('base64');
}

/** The work itself goes on when the signal aborts: other callers may await it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    // Before the check of the signal, so that a later rejection is always handled.
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
  });
}
