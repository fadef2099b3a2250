/**
 * Which counter to try first: rendezvous hashing (Thaler and Ravishankar, 1998). Every agent ranks alike, streams
 * spread evenly, and a counter that comes or goes moves only its own share of them.
 */
import { createHash } from 'node:crypto';

/** The counters in this stream's order, best first. */
export function rankCounters(stream: string, counters: readonly string[]): string[] {
  return counters
    .map((counter) => ({ counter, weight: createHash('sha256').update(`${stream}\n${counter}`).digest('hex') }))
    .toSorted((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ counter }) => counter);
}
