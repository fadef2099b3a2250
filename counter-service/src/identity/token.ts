/** What a token says of itself: enough to turn away what can be no agent's. Whether it is true is for the API server to say. */
import { COUNTER_AUDIENCE } from '#crds/identity.ts';
import { Refused } from '../refusal.ts';

/** Clocks differ; the API server, too, is lenient by this much. */
const LENIENCY_SECONDS = 60;
const LONGEST_TOKEN = 8192;

export interface Token {
  readonly text: string;
  /** When nobody takes it any more, in seconds since 1970. */
  readonly endsAt: number;
}

/** @param now seconds since 1970. @throws Refused UNAUTHORIZED, with a sentence that repeats nothing of the token. */
export function readToken(text: string | undefined, now: number): Token {
  if (text === undefined) throw unauthorized('The caller has no token.');
  const { aud, exp, sub } = claimsOf(text);
  if (typeof exp !== 'number' || typeof sub !== 'string') throw unauthorized("The caller's token is not one of a ServiceAccount.");
  if (![aud].flat().includes(COUNTER_AUDIENCE)) throw unauthorized(`The caller's token is not for the audience ${COUNTER_AUDIENCE}.`);
  const endsAt = exp + LENIENCY_SECONDS;
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
