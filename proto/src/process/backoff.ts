/** Retries with full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Backoff {
  readonly initialSeconds: number;
  readonly maximumSeconds: number;
}

/** @param attempt failures so far, from 1. @param random 0 to 1. Seconds to wait before the next try. */
export function backoffSeconds({ initialSeconds, maximumSeconds }: Backoff, attempt: number, random: number): number {
  const ceiling = Math.min(maximumSeconds, initialSeconds * 2 ** Math.min(attempt - 1, 30));
  return ceiling * random;
}

/** Waits out one backoff; returns at once when the signal aborts. */
export async function waitBackoff(backoff: Backoff, attempt: number, signal: AbortSignal): Promise<void> {
  await pause(backoffSeconds(backoff, attempt, Math.random()), signal);
}

/** Sleeps, or returns early when the signal aborts: for loops that look at the signal themselves. */
export async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, seconds) * 1000, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
