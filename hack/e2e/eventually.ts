/** Waiting for the world to be so, within a bound. */
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 250;

/**
 * Looks again and again until `look` returns; it throws as long as the world is not so yet.
 * @throws Error that names `what`, the bound, and what was seen last.
 */
export async function eventually<T>(what: string, seconds: number, look: () => Promise<T> | T, signal?: AbortSignal): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      signal?.throwIfAborted();
      if (performance.now() > deadline)
        throw new Error(`${what}: not within ${seconds} s. Last seen: ${(error as Error).message}`, { cause: error });
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}
