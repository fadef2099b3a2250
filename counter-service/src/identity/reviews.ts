/**
 * Whose a token is, as the API server says.
 *
 * Bounds: an answer is kept for a minute, a no for ten seconds, at most MOST_KEPT of them, under a hash of the token and
 * never the token; of one token one review is under way, of all of them MOST_UNDER_WAY. No answer is no no: it is asked
 * again until somebody's patience ends.
 */
import { createHash } from 'node:crypto';
import { type ApiFault, type ApiServer, type KubernetesObject, resources, type V1TokenReview } from '#crds/cluster/api.ts';
import { COUNTER_AUDIENCE } from '#crds/identity.ts';
import { waitBackoff } from '#proto/process/backoff.ts';
import type { Log } from '#proto/process/log.ts';
import { Refused } from '../refusal.ts';
import { readToken, type Token } from './token.ts';

const KEPT_SECONDS = { yes: 60, no: 10 };
const MOST_KEPT = 1024;
const MOST_UNDER_WAY = 64;
const ANSWER_MS = 10_000;
const BACKOFF = { initialSeconds: 0.25, maximumSeconds: 2 };

/** The user's name; none when the token is nobody's. */
type Answer = string | undefined;

export interface ReviewsOptions {
  readonly api: Pick<ApiServer, 'create'>;
  readonly log: Log;
  /** Seconds since 1970. */
  readonly now?: () => number;
}

export class TokenReviews {
  readonly #options: ReviewsOptions;
  /** By the token's hash; who came first is forgotten first. */
  readonly #kept = new Map<string, { readonly answer: Answer; readonly until: number }>();
  readonly #underWay = new Map<string, Promise<Answer>>();

  constructor(options: ReviewsOptions) {
    this.#options = options;
  }

  /** Seconds since 1970. */
  now(): number {
    return (this.#options.now ?? (() => Date.now() / 1000))();
  }

  /** @throws Refused UNAUTHORIZED when it can be no agent's. */
  read(text: string | undefined): Token {
    return readToken(text, this.now());
  }

  /** A recent answer will do, and one is waited for. @throws Refused LEDGER_UNAVAILABLE; the signal's reason. */
  async userOf(token: Token, signal: AbortSignal, patienceSeconds: number): Promise<Answer> {
    const key = keyOf(token);
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > this.now()) return kept.answer;
    const late = AbortSignal.any([signal, AbortSignal.timeout(patienceSeconds * 1000)]);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await unlessAborted(this.ask(token), late);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Refused) throw error;
        if (late.aborted) throw new Refused('LEDGER_UNAVAILABLE', 'The API server does not say who the caller is.');
        await waitBackoff(BACKOFF, attempt, late);
      }
    }
  }

  /** Asks anew. @throws Refused FULL; ApiFault when there is no answer. */
  async ask(token: Token): Promise<Answer> {
    const key = keyOf(token);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    if (this.#underWay.size >= MOST_UNDER_WAY) throw new Refused('FULL', 'Too many callers are being looked at already.');
    const asking = this.#review(token).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, asking);
    const answer = await asking;
    this.#kept.delete(key);
    if (this.#kept.size >= MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, {
      answer,
      until: Math.min(this.now() + (answer === undefined ? KEPT_SECONDS.no : KEPT_SECONDS.yes), token.endsAt),
    });
    return answer;
  }

  async #review({ text }: Token): Promise<Answer> {
    const { api, log } = this.#options;
    const { apiVersion, kind } = resources.tokenReviews;
    const review = { apiVersion, kind, spec: { token: text, audiences: [COUNTER_AUDIENCE] } };
    try {
      const { status } = await api.create<KubernetesObject & Pick<V1TokenReview, 'spec' | 'status'>>(
        resources.tokenReviews,
        review,
        AbortSignal.timeout(ANSWER_MS),
      );
      // An API server that knows nothing of audiences names none, and then the token is for itself.
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

/** What is under way goes on for the others that wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    // First of all: what fails later must not fail unheard.
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
  });
}
