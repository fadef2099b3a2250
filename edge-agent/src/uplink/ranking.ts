/**
 * Which counter to try first: rendezvous hashing (Thaler and Ravishankar, 1998). Streams spread evenly, and a counter that
 * comes or goes moves only its own share of them.
 */
import { createHash } from 'node:crypto';

/** The counters in this stream's order, best first. */
export function rankCounters(stream: string, counters: readonly string[]): string[] {
  return counters
    .map((counter) => ({ counter, weight: createHash('sha256').update(`${stream}\n${counter}`).digest('hex') }))
    .toSorted((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ counter }) => counter);
}

/**
 * The best counter that was not tried in this round. Undefined when the round is over: as many were tried as there are, for
 * a name may stand for another counter at each lookup.
 */
export function nextInRank(stream: string, counters: readonly string[], tried: ReadonlySet<string>): string | undefined {
  return tried.size < counters.length ? rankCounters(stream, counters).find((counter) => !tried.has(counter)) : undefined;
}
