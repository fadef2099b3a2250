/** Reads the claims of a token without verifying them: enough to refuse tokens that cannot be an agent's. The API server verifies. */
import { COUNTER_AUDIENCE } from '#crds/identity.ts';
import { Refused } from '../refusal.ts';

/** Clocks differ; the API server tolerates as much. */
const CLOCK_TOLERANCE_SECONDS = 60;
const LONGEST_TOKEN = 8192;

export interface Token {
  readonly text: string;
  /** From then on the token is refused. Seconds since 1970. */
  readonly endsAt: number;
}

/** @param now seconds since 1970. @throws Refused UNAUTHORIZED, with a sentence that contains nothing of the token. */
export function readToken(text: string | undefined, now: number): Token {
  if (text === undefined) throw unauthorized('The caller has no token.');
  const { aud, exp, sub } = claimsOf(text);
  if (typeof exp !== 'number' || typeof sub !== 'string') throw unauthorized("The caller's token is not one of a ServiceAccount.");
  if (![aud].flat().includes(COUNTER_AUDIENCE)) throw unauthorized(`The caller's token is not for the audience ${COUNTER_AUDIENCE}.`);
  const endsAt = exp + CLOCK_TOLERANCE_SECONDS;
  if (endsAt <= now) throw unauthorized("The caller's token has expired.");
  return { text, endsAt };
}

export function unauthorized(sentence: string): Refused {
  return new Refused('UNAUTHORIZED', sentence);
}

function claimsOf(text: string): { aud?: unknown; exp?: unknown; sub?: unknown } {
  if (text.length > LONGEST_TOKEN) return {};
  try {
    return (JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as object | null) ?? {};
  } catch {
    return {};
  }
}
